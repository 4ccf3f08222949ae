import {
  type BlockScaledExpr,
  blockTensors,
  type DType,
  fp8,
  headTensors,
  type Model,
  MoepressError,
  mxfp4,
  type StoredTensor,
  slab,
  storedIn,
  type TensorExpr,
} from '@moepress/core';
import { type Place, type TensorAlias, tensorName } from '../architectures/manifest.js';
import { isFloatType } from '../tensor/float.js';

/** Number `index` of `count` experts whose weights lie in one tensor. */
export interface Slab {
  readonly index: number;
  readonly count: number;
}

export interface TensorSourceOptions {
  /** Where the checkpoint lies, for messages. */
  readonly directory: string;
  /** See `TensorNames.alias`. */
  readonly alias: readonly TensorAlias[];
  /** Edge of the squares that share a scale; null where the config declares no FP8. */
  readonly fp8Block: number | null;
}

/** The tensors of a checkpoint, taken by name template and checked against what the config promises. */
export class TensorSource {
  readonly #tensors: ReadonlyMap<string, TensorExpr>;
  readonly #options: TensorSourceOptions;

  constructor(tensors: ReadonlyMap<string, TensorExpr>, options: TensorSourceOptions) {
    this.#tensors = tensors;
    this.#options = options;
  }

  has(template: string, at: Place = {}): boolean {
    return this.#find(tensorName(template, at)) !== undefined;
  }

  /** A tensor of plain numbers. Throws `TENSOR_MISSING`, `TENSOR_SHAPE`, or `TENSOR_DTYPE` unless it is F32, F16 or BF16. */
  take(template: string, shape: readonly number[], at: Place = {}): StoredTensor {
    const tensor = this.#stored(template, shape, at);
    if (!isFloatType(tensor.dtype)) throw wrongType(tensor, 'one of F32, F16 and BF16');
    return tensor;
  }

  /** A weight [out, in], plain or in FP8 with its scales. Throws like `take`. */
  matrix(template: string, shape: readonly [number, number], at: Place): TensorExpr {
    const tensor = this.#get(template, shape, at);
    if (tensor.kind !== 'stored') return tensor;
    return tensor.dtype === 'F8_E4M3' ? this.#fp8(template, tensor, at) : this.take(template, shape, at);
  }

  /** One expert's part of a tensor, of plain numbers. Throws like `take`. */
  fused(template: string, shape: readonly number[], at: Place, { index, count }: Slab): StoredTensor {
    return slab(this.take(template, [count, ...shape], at), index);
  }

  /** One expert's matrix of 4-bit floats, from `<template>_blocks` and `<template>_scales`. Throws like `take`. */
  fusedMxfp4(
    template: string,
    [out, width]: readonly [number, number],
    at: Place,
    { index, count }: Slab,
  ): BlockScaledExpr {
    const blocks = this.#typed(`${template}_blocks`, [count, out, width / 32, 16], 'U8', at);
    const scales = this.#typed(`${template}_scales`, [count, out, width / 32], 'U8', at);
    return mxfp4({ ...slab(blocks, index), shape: [out, width / 2] }, slab(scales, index));
  }

  #fp8(template: string, tensor: StoredTensor, at: Place): BlockScaledExpr {
    const { fp8Block } = this.#options;
    if (fp8Block === null) throw wrongType(tensor, 'declared by a quantization_config');
    const grid = tensor.shape.map((n) => Math.ceil(n / fp8Block));
    return fp8(tensor, this.#typed(`${template}_scale_inv`, grid, 'F32', at), fp8Block);
  }

  #typed(template: string, shape: readonly number[], dtype: DType, at: Place): StoredTensor {
    const tensor = this.#stored(template, shape, at);
    if (tensor.dtype !== dtype) throw wrongType(tensor, dtype);
    return tensor;
  }

  #stored(template: string, shape: readonly number[], at: Place): StoredTensor {
    const tensor = this.#get(template, shape, at);
    if (tensor.kind === 'stored') return tensor;
    throw wrongType(storedIn(tensor).next().value!, 'stored as plain numbers');
  }

  #get(template: string, shape: readonly number[], at: Place): TensorExpr {
    const name = tensorName(template, at);
    const tensor = this.#find(name);
    if (!tensor) {
      throw new MoepressError('TENSOR_MISSING', {
        message: `There is no tensor ${name}.`,
        where: this.#options.directory,
      });
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      throw new MoepressError('TENSOR_SHAPE', {
        message: `${name} is [${tensor.shape}] but config.json makes it [${shape}].`,
        where: whereIs(storedIn(tensor).next().value!),
      });
    }
    return tensor;
  }

  #find(name: string): TensorExpr | undefined {
    const { alias } = this.#options;
    const names = [name, ...alias.map((pair) => name.replace(...pair))];
    return names.map((each) => this.#tensors.get(each)).find((tensor) => tensor !== undefined);
  }
}

function wrongType(tensor: StoredTensor, need: string): MoepressError {
  return new MoepressError('TENSOR_DTYPE', {
    message: `${tensor.name} is ${tensor.dtype}, not ${need}.`,
    where: whereIs(tensor),
  });
}

const whereIs = ({ file, name }: StoredTensor) => `${file}: ${name}`;

/** Names that fit into one line of a warning. */
const maxNames = 10;

/** Those of `tensors` that no part of a model reads, such as those of extra prediction layers, sorted by name. */
export function unreadOf(
  model: Pick<Model, 'embed' | 'blocks' | 'finalNorm' | 'finalNormBias' | 'head' | 'headBias'>,
  tensors: ReadonlyMap<string, StoredTensor>,
): StoredTensor[] {
  // A fused tensor is read in slabs, which add their number to its name.
  const fileAndName = ({ file, name }: StoredTensor) => `${file}\0${name.replace(/\[\d+\]$/, '')}`;
  const read = new Set<string>();
  const { embed, blocks } = model;
  const all: TensorExpr[] = [embed, ...headTensors(model), ...blocks.flatMap(blockTensors)];
  for (const expr of all) for (const tensor of storedIn(expr)) read.add(fileAndName(tensor));
  return [...tensors.values()]
    .filter((tensor) => !read.has(fileAndName(tensor)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One line that names tensors which are not used. */
export function describeUnread(unread: readonly StoredTensor[]): string {
  const shown = unread.slice(0, maxNames).map(({ name }) => name);
  const more = unread.length > maxNames ? ` and ${unread.length - maxNames} more` : '';
  const subject = unread.length === 1 ? '1 tensor belongs' : `${unread.length} tensors belong`;
  const verb = unread.length === 1 ? 'is' : 'are';
  return `${subject} to no part of the model and ${verb} not used: ${shown.join(', ')}${more}`;
}
