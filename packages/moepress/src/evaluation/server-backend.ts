import { resolve } from 'node:path';
import { openAiLanguageModel, openResponseCache } from '@moepress/harness';
import type { ModelInput, ModelOptions } from '../models/open-model.js';
import { openTokenizerOf, tokenizerOf } from '../models/tokenizer.js';
import { type CacheOption, cacheFolder, type WorkOptions, workOf } from '../options.js';
import type { OpenedBackend, ServerBackend } from './backend.js';

/** What a server runs, with the tokenizer of the model. Throws what opening a tokenizer throws. */
export async function openServer(
  model: ModelInput,
  { servedName, ...server }: ServerBackend,
  { revision, cache, ...options }: ModelOptions & WorkOptions & { readonly cache?: CacheOption | undefined },
): Promise<OpenedBackend> {
  const isId = typeof model === 'string';
  const asked = openAiLanguageModel({
    ...server,
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
