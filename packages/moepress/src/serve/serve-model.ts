import { openTokenizer } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import type { ServedEngine } from './answers/served-engine.js';
import { openChatTemplate, type ServedTemplate } from './chat-template.js';
import { createModelServer, type ModelServer, type ServerOptions } from './model-server.js';
import { Texts } from './texts.js';

/** Milliseconds of processor time that tokenizers may take for anything, more for long texts: other threads for each. */
const patience = { quick: 1000, slow: 4000 };

/** What a checkpoint brings along to read and write text. */
export interface ServedTexts {
  readonly texts: Texts;
  readonly template: ServedTemplate | null;
}

/**
 * The tokenizer and chat template of a model's folder. Before the runner: it counts the memory that they take. Throws what
 * `openTokenizer` and `openChatTemplate` throw.
 */
export async function openTexts({ source: { directory } }: Model): Promise<ServedTexts> {
  const texts = await Texts.start((lane) =>
    openTokenizer(directory, { patience: patience[lane], isBackground: lane === 'slow' }),
  );
  return { texts, template: await openChatTemplate(directory) };
}

export interface Served extends ServedTexts {
  readonly model: Model;
  readonly engine: ServedEngine;
  /** What clients call it. */
  readonly name: string;
  /** Whether settings of the checkpoint change which token is the likeliest. */
  readonly hasRules: boolean;
  /** Tokens of an answer where a chat does not say how many, by settings of the checkpoint; null: as many as fit. */
  readonly maxNewTokens: number | null;
  /** Why nothing may be generated, if so: settings of the checkpoint that are not implemented. */
  readonly refusal: string | null;
}

/** A server before a model that was opened, which closes its template with it, when the engine has come to an end. */
export function serveModel({ model, ...served }: Served, options: ServerOptions = {}): ModelServer {
  const { eosTokenIds, vocabSize } = model.config;
  const server = createModelServer({ ...served, eosTokenIds, vocabSize }, options);
  return {
    http: server.http,
    async close() {
      await server.close();
      await served.engine.drain();
      await served.template?.close();
    },
  };
}
