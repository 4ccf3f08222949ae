import { dirname } from 'node:path';
import { checkSpace, type FileOutput } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, moeBlocks, planHash, throwIfAborted } from '@moepress/core';
import { chooseType, fileTypes, type GgufTypeChoice } from './file/choose-type.js';
import { type FilePlan, planFile } from './file/file-plan.js';
import { type GgufMetadata, type GgufValue, text, uint } from './file/metadata.js';
import { type WritingWork, writePlannedFile } from './file/write-file.js';
import type { Importance } from './importance/importance.js';
import { weighTensors } from './importance/weigh-tensors.js';
import { modelTensors } from './tensors/model-tensors.js';
import { rotationTensors } from './tensors/rotation-tensors.js';
import { hyperparameters } from './view/hyperparameters.js';
import { type PreparedView, prepareView } from './view/prepare-view.js';

export interface WriteGgufOptions extends WritingWork {
  readonly type: GgufTypeChoice;
  /** The plan that made the view; the file tells its hash. */
  readonly plan?: CompressionPlan | undefined;
  /** What the file says of the tokenizer: that of `ggufTokenizer`. */
  readonly tokenizer?: GgufMetadata | undefined;
  /** What columns of weights were multiplied with: errors of quantised weights count by it. */
  readonly importance?: Importance | undefined;
}

/** A GGUF file before it is written. */
export interface GgufPlan extends FilePlan {
  readonly view: PreparedView;
  /** Tensors whose type weighs errors by importance, and for which it is not known. */
  readonly unweighed: number;
}

/**
 * Lays out the GGUF file of a view; reads no weight. Throws `CONFIG_UNSUPPORTED` for a view that no architecture of
 * llama.cpp computes, and `INPUT_INVALID` for an importance matrix of another model.
 */
export function planGguf(
  view: Model,
  { type, plan, tokenizer = new Map(), importance }: WriteGgufOptions,
): GgufPlan {
  const prepared = prepareView(view);
  const { model, architecture } = prepared;
  const tensors = [...modelTensors(model, architecture), ...rotationTensors(model)];
  const facts = {
    layers: model.blocks.length,
    experts: moeBlocks(model)[0]?.ffn.slots.length ?? 0,
    tied: !tensors.some(({ name }) => name === 'output.weight'),
  };
  const keys = Object.entries(hyperparameters(model, architecture));
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', text(architecture.name)],
    [ownKey, text(plan ? planHash(plan) : '')],
    ['general.type', text('model')],
    ['general.name', text(nameOf(view))],
    ['general.file_type', uint(fileTypes[type])],
    ['general.quantization_version', uint(2)],
    ...keys.map(([key, value]) => [`${architecture.name}.${key}`, value] as const),
    ...(importance
      ? ([
          ['quantize.imatrix.dataset', text(importance.texts.join(', '))],
          ['quantize.imatrix.entries_count', uint(importance.tensors.size)],
        ] as const)
      : []),
    ...tokenizer,
  ]);
  const typed = tensors.map((tensor) => ({ ...tensor, type: chooseType(tensor, type, facts) }));
  const weighed = weighTensors(typed, model, importance);
  return { ...planFile(metadata, weighed.tensors), view: prepared, unweighed: weighed.unweighed };
}

const unweighedText = (count: number) =>
  `The importance matrix says nothing of ${count === 1 ? 'a tensor' : `${count} tensors`}, in which all columns count alike.`;

/** A key that only files of moepress have: the hash of the plan, or nothing. */
export const ownKey = 'moepress.plan';

const nameOf = ({ id }: Model) => id.split('/').filter(Boolean).at(-1) ?? id;

/**
 * Writes a view as a GGUF file, which appears whole or not at all; memory does not grow with the model. The output is
 * committed, or abandoned if anything fails. Throws what `planGguf` throws, `DISK_FULL` before any byte is written,
 * `TENSOR_DTYPE`, `WEIGHTS_NOT_FINITE`, `WRITE_FAILED` and `ABORTED`.
 */
export async function writeGguf(
  view: Model,
  output: FileOutput,
  options: WriteGgufOptions,
): Promise<{ readonly bytes: number }> {
  try {
    throwIfAborted(options.signal);
    const plan = planGguf(view, options);
    const { unweighed } = plan;
    if (unweighed > 0) options.progress?.({ type: 'warning', message: unweighedText(unweighed) });
    await checkSpace(dirname(output.path), plan.totalBytes);
    await writePlannedFile(output.path, plan, options);
    await output.commit();
    return { bytes: plan.totalBytes };
  } finally {
    await output.abandon();
  }
}
