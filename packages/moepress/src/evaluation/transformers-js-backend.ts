import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type LanguageModel, openResponseCache, transformersJsLanguageModel } from '@moepress/harness';
import { defaultEvidenceRoot } from '@moepress/runtime';
import type { ModelInput, ModelOptions } from '../models/open-model.js';
import { openTokenizerOf } from '../models/tokenizer.js';
import { type CacheOption, cacheFolder, type WorkOptions, workOf } from '../options.js';
import type { OpenedBackend, TransformersJsBackend } from './backend.js';
import { onnxFilesHash } from './onnx-files.js';
import { checkedStore } from './response-cache.js';

interface OnnxFilesOptions extends ModelOptions, WorkOptions {
  readonly addBos?: boolean | undefined;
  readonly cache?: CacheOption | undefined;
}

/** Beside the evidence. */
const downloads = () => join(dirname(defaultEvidenceRoot()), 'transformers.js');

/** ONNX files that others exported, a folder or a Hub id, run by transformers.js. */
export async function openOnnxFiles(
  given: ModelInput,
  { dtype }: TransformersJsBackend,
  { revision, addBos, cache, ...options }: OnnxFilesOptions,
): Promise<OpenedBackend> {
  const id = typeof given === 'string' ? given : given.source.directory;
  const work = workOf(options);
  const model = await transformersJsLanguageModel({
    ...work,
    ...(revision !== undefined && { revision }),
    ...(addBos !== undefined && { addBos }),
    ...(dtype !== undefined && { dtype }),
    model: id,
    tokenizer: await openTokenizerOf(id, { revision, ...work }),
    cacheDir: downloads(),
  });
  const folder = cacheFolder(cache, 'responses');
  return {
    model,
    close: () => model.dispose(),
    ...(folder && {
      async openResponses() {
        const isFolder = (await stat(id).catch(() => null))?.isDirectory();
        const place = isFolder ? resolve(id) : join(downloads(), id);
        const { hash: files, checkUnchanged } = await onnxFilesHash(place, dtype ?? 'fp32', work);
        const identity = { ...(model as LanguageModel).settings, id, files };
        return checkedStore(await openResponseCache(resolve(folder), identity), checkUnchanged);
      },
    }),
  };
}
