import { openTokenizer } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import type { ModelRunner } from '@moepress/runtime';
import { ServedEngine } from './engine.js';
import { createModelServer, type ModelServer, type ServerOptions } from './server.js';
import { openChatTemplate } from './templates.js';
import { Texts } from './texts.js';

/** Milliseconds of processor time that tokenizers may take for anything, more for long texts: other threads for each. */
const patience = { quick: 1000, slow: 4000 };

export interface Served {
  readonly model: Model;
  readonly runner: ModelRunner;
  /** What clients call it. */
  readonly name: string;
  /** Why nothing may be generated, if so: settings of the checkpoint that are not implemented. */
  readonly refusal: string | null;
}

/** A server before a model that was opened, with the tokenizer and chat template of its folder. */
export async function serveModel(
  { model, runner, name, refusal }: Served,
  options: ServerOptions = {},
): Promise<ModelServer> {
  const { directory } = model.source;
  const texts = await Texts.start((lane) =>
    openTokenizer(directory, { patience: patience[lane], isBackground: lane === 'slow' }),
  );
  const template = await openChatTemplate(directory);
  const { eosTokenIds, vocabSize } = model.config;
  const engine = new ServedEngine(runner);
  const served = { name, engine, texts, template, eosTokenIds, vocabSize, refusal };
  const server = createModelServer(served, options);
  return {
    http: server.http,
    async close() {
      await server.close();
      await template?.close();
    },
  };
}
