import { resolve } from 'node:path';
import {
  type LanguageModel,
  type OnnxDtype,
  openAiLanguageModel,
  openResponseCache,
  type ResponseCache,
} from '@moepress/harness';
import { invalidOption } from '../check-options.js';
import { openTokenizerOf, tokenizerOf } from '../models/companions.js';
import type { ModelInput, ModelOptions } from '../models/open-model.js';
import { type CacheOption, cacheFolder, type WorkOptions, workOf } from '../options.js';
import type { ChatSettings } from './chat-settings.js';

/** Who runs the model that is evaluated. */
export type Backend = LocalBackend | ServerBackend | TransformersJsBackend;

/** Our own runtime. */
export interface LocalBackend {
  readonly kind: 'local';
}

/** An OpenAI-compatible completions server that holds the model. */
export interface ServerBackend {
  readonly kind: 'server';
  /** Such as `http://localhost:8000/v1`. */
  readonly baseUrl: string;
  /** The server's name for the model; by default the name as given. */
  readonly servedName?: string | undefined;
  /** Tokens of a prompt and its answer; 2048 by default. */
  readonly maxLength?: number | undefined;
  /** Requests at once; 8 by default. */
  readonly concurrency?: number | undefined;
  /** The API key of the server. */
  readonly apiKey?: string | undefined;
}

/** ONNX files that others exported, of a folder or the Hub, run by @huggingface/transformers. */
export interface TransformersJsBackend {
  readonly kind: 'transformers-js';
  /** Type of the numbers in the files that are chosen; fp32 by default. */
  readonly dtype?: OnnxDtype | undefined;
}

/** A model that runs elsewhere, and a cache of its earlier answers, where these are to be kept. */
export interface OpenedBackend {
  readonly model: LanguageModel;
  openResponses?(): Promise<ResponseCache>;
  close?(): Promise<void>;
}

interface ServerOptions extends ModelOptions, WorkOptions, Pick<ChatSettings, 'thinkEndToken'> {
  readonly cache?: CacheOption | undefined;
}

/** What a server runs, with the tokenizer of the model. Throws what opening a tokenizer throws. */
export async function openServer(
  model: ModelInput,
  { servedName, ...server }: ServerBackend,
  { revision, cache, thinkEndToken, ...options }: ServerOptions,
): Promise<OpenedBackend> {
  if (typeof thinkEndToken === 'number') {
    throw invalidOption(
      { where: 'thinkEndToken', value: thinkEndToken },
      'a text, as servers answer with texts,',
    );
  }
  const isId = typeof model === 'string';
  const asked = openAiLanguageModel({
    ...server,
    thinkEndToken,
    model: servedName ?? (isId ? model : model.id),
    tokenizer: await (isId ? openTokenizerOf(model, { revision, ...workOf(options) }) : tokenizerOf(model)),
  });
  const folder = cacheFolder(cache, 'responses');
  if (!folder) return { model: asked };
  return {
    model: asked,
    openResponses: () => openResponseCache(resolve(folder), { ...asked.settings, id: asked.name }),
  };
}
