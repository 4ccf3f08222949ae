import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { PreTrainedModel } from '@huggingface/transformers';
import { MoepressError, type Progress, type Tokenizer, type Work } from '@moepress/core';
import type { LanguageModel } from '../model/language-model.js';
import { tokenizedLanguageModel } from '../model/tokenized.js';
import { type Library, loadLibrary, onnxTokenEngine } from './transformers-js-engine.js';

/** The number formats of ONNX files: transformers.js' names, and the suffix that each adds to `model`. */
export const onnxDtypes = {
  fp32: '',
  fp16: '_fp16',
  int8: '_int8',
  uint8: '_uint8',
  q8: '_quantized',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
} as const;

export type OnnxDtype = keyof typeof onnxDtypes;

export interface TransformersJsOptions extends Work {
  /** A folder with config.json and onnx/model.onnx, or the Hub id of a repository with these files. */
  readonly model: string;
  readonly tokenizer: Tokenizer;
  /** The number format to load; fp32 by default. */
  readonly dtype?: OnnxDtype | undefined;
  readonly revision?: string | undefined;
  /** Where files from the Hub are kept; the library's own folder by default. */
  readonly cacheDir?: string | undefined;
  /** The BOS setting of `TokenizedModelOptions`. */
  readonly addBos?: boolean | null | undefined;
  /** That of `TokenizedModelOptions`. */
  readonly thinkEndToken?: string | number | null | undefined;
}

/** A model that holds memory until it is disposed of. */
export interface LoadedLanguageModel extends LanguageModel {
  dispose(): Promise<void>;
}

/**
 * A decoder somebody exported to ONNX, run by transformers.js. Throws `INPUT_INVALID` if that is not installed,
 * `CHECKPOINT_NOT_FOUND` if the files are not there, and `CHECKPOINT_INVALID` if they cannot be run.
 */
export async function transformersJsLanguageModel(
  options: TransformersJsOptions,
): Promise<LoadedLanguageModel> {
  const { model: name, tokenizer, dtype = 'fp32', revision, addBos = null, thinkEndToken = null } = options;
  const library = await loadLibrary();
  const loaded = await load(library, options);
  const config = configOf(loaded);
  const asked = tokenizedLanguageModel({
    tokenizer,
    name,
    engine: onnxTokenEngine(library, loaded, config),
    addBos,
    thinkEndToken,
    ...(config.eosTokenIds.length > 0 && { eosTokenIds: config.eosTokenIds }),
  });
  return {
    ...asked,
    settings: { ...asked.settings, backend: 'transformers-js', dtype, revision: revision ?? null },
    async dispose() {
      await loaded.dispose();
    },
  };
}

async function load(
  { AutoModelForCausalLM }: Library,
  { model, dtype = 'fp32', revision, cacheDir, progress }: TransformersJsOptions,
): Promise<PreTrainedModel> {
  const folder = (await stat(model).catch(() => null))?.isDirectory() ? resolve(model) : null;
  try {
    return await AutoModelForCausalLM.from_pretrained(folder ?? model, {
      dtype,
      device: 'cpu',
      local_files_only: folder !== null,
      ...(revision !== undefined && { revision }),
      ...(cacheDir !== undefined && { cache_dir: cacheDir }),
      ...(progress && folder === null && { progress_callback: downloads(progress) }),
    });
  } catch (cause) {
    const { message } = cause as Error;
    const isMissing = /not found|could not locate|unauthorized|fetch failed/i.test(message);
    const file = `onnx/model${onnxDtypes[dtype]}.onnx`;
    throw new MoepressError(isMissing ? 'CHECKPOINT_NOT_FOUND' : 'CHECKPOINT_INVALID', {
      message: `transformers.js cannot load the model: ${message.split('\n')[0]}`,
      where: model,
      hint: `Give a folder or a Hub id with config.json and ${file}, or the \`dtype\` of the existing files.`,
      cause,
    });
  }
}

/** Progress that the library reports while it downloads. */
function downloads(progress: Progress) {
  const task = 'Downloading';
  let started = false;
  return (event: { status: string; loaded?: number; total?: number }) => {
    if (event.status !== 'progress_total') return;
    if (!started) progress({ type: 'start', task, total: event.total ?? 0, unit: 'bytes' });
    started = true;
    progress({ type: 'advance', task, done: event.loaded ?? 0 });
  };
}

/** The few numbers of config.json that are needed here; the file is untrusted. */
function configOf(model: PreTrainedModel) {
  const config = model.config as unknown as Readonly<Record<string, unknown>>;
  const text = { ...config, ...(config.text_config as object | undefined) } as Readonly<
    Record<string, unknown>
  >;
  // generate() of transformers.js, too, takes this one first.
  const generation = model.generation_config as { readonly eos_token_id?: unknown } | null | undefined;
  const count = (value: unknown) => (Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : null);
  return {
    maxLength: count(text.max_position_embeddings) ?? count(text.n_positions) ?? 2048,
    vocabSize: count(text.vocab_size) ?? 2 ** 17,
    eosTokenIds: [generation?.eos_token_id ?? text.eos_token_id]
      .flat()
      .filter((id): id is number => Number.isSafeInteger(id)),
  };
}
