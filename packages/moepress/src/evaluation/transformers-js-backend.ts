import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FileDigests } from '@moepress/checkpoint';
import { sha256, type Work } from '@moepress/core';
import {
  type LanguageModel,
  type OnnxDtype,
  onnxDtypes,
  openResponseCache,
  transformersJsLanguageModel,
} from '@moepress/harness';
import { type ContentHash, defaultDigestsRoot, defaultEvidenceRoot } from '@moepress/runtime';
import { openTokenizerOf } from '../models/companions.js';
import type { ModelInput, ModelOptions } from '../models/open-model.js';
import { type CacheOption, cacheFolder, type WorkOptions, workOf } from '../options.js';
import type { OpenedBackend, TransformersJsBackend } from './backend.js';
import type { ChatSettings } from './chat-settings.js';
import { checkedStore } from './response-cache.js';

interface OnnxFilesOptions extends ModelOptions, WorkOptions, Pick<ChatSettings, 'thinkEndToken'> {
  readonly addBos?: boolean | undefined;
  readonly cache?: CacheOption | undefined;
}

/** A folder next to the evidence. */
const downloads = () => join(dirname(defaultEvidenceRoot()), 'transformers.js');

/** ONNX files that others exported, a folder or a Hub id, run by transformers.js. */
export async function openOnnxFiles(
  given: ModelInput,
  { dtype }: TransformersJsBackend,
  { revision, addBos, cache, thinkEndToken, ...options }: OnnxFilesOptions,
): Promise<OpenedBackend> {
  const id = typeof given === 'string' ? given : given.source.directory;
  const work = workOf(options);
  const model = await transformersJsLanguageModel({
    ...work,
    ...(revision !== undefined && { revision }),
    ...(addBos !== undefined && { addBos }),
    ...(dtype !== undefined && { dtype }),
    thinkEndToken,
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

/**
 * SHA-256 in hexadecimal over what a ready-made model in a folder is made of: its ONNX files of one number format with
 * their external data, and all JSON files. Where the folder lies does not matter. Throws what `FileDigests` throws.
 */
export async function onnxFilesHash(directory: string, dtype: OnnxDtype, work: Work): Promise<ContentHash> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => isPart(name, dtype));
  const paths = names.sort().map((name) => join(directory, name));
  const files = await new FileDigests(defaultDigestsRoot()).of(paths, work);
  const contents = names.map((name, i) => [name, files.digests.get(paths[i]!)!]);
  const hash = sha256(JSON.stringify(contents));
  return { hash, checkUnchanged: files.checkUnchanged };
}

/** Graphs hold weights themselves or name files beside them, whatever these are called. */
function isPart(path: string, dtype: OnnxDtype): boolean {
  if (path.endsWith('.json')) return true;
  if (!/(^|[\\/])onnx[\\/][^\\/]+$/.test(path)) return false;
  const name = basename(path);
  const ofAnother = Object.values(onnxDtypes).some(
    (suffix) => suffix !== onnxDtypes[dtype] && name.startsWith(`model${suffix}.onnx`),
  );
  return !ofAnother;
}
