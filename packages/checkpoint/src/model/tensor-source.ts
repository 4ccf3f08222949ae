import {
  type BlockScaledExpr,
  blockTensors,
  type DType,
  headTensors,
  type Model,
  MoepressError,
  mxfp4,
  type StoredTensor,
  sameShape,
  slab,
  storedIn,
  type TensorExpr,
} from '@moepress/core';
import { type Place, type TensorAlias, tensorName } from '../architectures/manifest.js';
import { schemeOf } from '../config/module-targets.js';
import type { Quantisation, WeightScheme } from '../config/weight-scheme.js';
import { type WeightFiles, weightFormats } from '../quantised/index.js';
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
  /** How the config declares that weights are quantised. */
  readonly quantisation: Quantisation | null;
  /** The type that quantised weights have once they are read. */
  readonly dtype: DType;
}

/** The tensors of a checkpoint, taken by name template and checked against what the config promises. */
export class TensorSource {
  readonly #tensors: ReadonlyMap<string, TensorExpr>;
  readonly #options: TensorSourceOptions;

  constructor(tensors: ReadonlyMap<string, TensorExpr>, options: TensorSourceOptions) {
    this.#tensors = tensors;
    this.#options = options;
  }

  /** Whether there is a tensor of this name, or a quantised weight. */
  has(template: string, at: Place = {}): boolean {
    const name = tensorName(template, at);
    return this.#find(name) !== undefined || this.#isQuantised(name);
  }

  /** A tensor of plain numbers. Throws `TENSOR_MISSING`, `TENSOR_SHAPE`, or `TENSOR_DTYPE` unless it is F32, F16 or BF16. */
  take(template: string, shape: readonly number[], at: Place = {}): StoredTensor {
    const tensor = this.#stored(template, shape, at);
    if (!isFloatType(tensor.dtype)) throw wrongType(tensor, 'one of F32, F16 and BF16');
    return tensor;
  }

  /** A weight [out, in], plain or quantised. Throws like `take`. */
  matrix(template: string, shape: readonly [number, number], at: Place): TensorExpr {
    const name = tensorName(template, at);
    const plain = this.#find(name);
    const scheme = this.#schemeOf(name);
    if (plain && plain.kind !== 'stored') return this.#get(template, shape, at);
    const isPlain = plain ? isFloatType(plain.dtype) : !scheme || !this.#isQuantised(name);
    if (isPlain) return this.take(template, shape, at);
    if (!scheme) throw wrongType(plain as StoredTensor, 'declared by a quantization_config');
    return weightFormats[scheme.format].open(this.#files(name, shape), scheme);
  }

  /** The scheme of the weight of this name, under any name it may have. */
  #schemeOf(name: string): WeightScheme | null {
    const { quantisation } = this.#options;
    if (!quantisation || !name.endsWith('.weight')) return null;
    const schemes = this.#names(name).map((each) => schemeOf(quantisation, stemOf(each)));
    return schemes.find((scheme) => scheme !== null) ?? null;
  }

  #isQuantised(name: string): boolean {
    const scheme = this.#schemeOf(name);
    return scheme !== null && this.#find(stemOf(name) + weightFormats[scheme.format].main) !== undefined;
  }

  #files(name: string, shape: readonly [number, number]): WeightFiles {
    const stem = stemOf(name);
    return {
      name,
      shape,
      dtype: this.#options.dtype,
      has: (suffix) => this.#find(stem + suffix) !== undefined,
      get: (suffix, shapes, dtypes) => {
        const tensor = asStored(this.#shaped(stem + suffix, shapes));
        if (dtypes.includes(tensor.dtype)) return tensor;
        throw wrongType(tensor, dtypes.length === 1 ? dtypes[0]! : `one of ${dtypes.join(', ')}`);
      },
    };
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
    return {
      ...mxfp4({ ...slab(blocks, index), shape: [out, width / 2] }, slab(scales, index)),
      name: `${tensorName(template, at)}[${index}]`,
    };
  }

  #typed(template: string, shape: readonly number[], dtype: DType, at: Place): StoredTensor {
    const tensor = this.#stored(template, shape, at);
    if (tensor.dtype !== dtype) throw wrongType(tensor, dtype);
    return tensor;
  }

  #stored(template: string, shape: readonly number[], at: Place): StoredTensor {
    return asStored(this.#get(template, shape, at));
  }

  #get(template: string, shape: readonly number[], at: Place): TensorExpr {
    return this.#shaped(tensorName(template, at), [shape]);
  }

  #shaped(name: string, shapes: readonly (readonly number[])[]): TensorExpr {
    const tensor = this.#find(name);
    if (!tensor) {
      throw new MoepressError('TENSOR_MISSING', {
        message: `There is no tensor ${name}.`,
        where: this.#options.directory,
      });
    }
    if (!shapes.some((shape) => sameShape(tensor.shape, shape))) {
      const wanted = shapes.map((shape) => `[${shape}]`).join(' or ');
      throw new MoepressError('TENSOR_SHAPE', {
        message: `${name} is [${tensor.shape}] but config.json makes it ${wanted}.`,
        where: whereIs(storedIn(tensor).next().value!),
      });
    }
    return tensor;
  }

  #find(name: string): TensorExpr | undefined {
    return this.#names(name)
      .map((each) => this.#tensors.get(each))
      .find((tensor) => tensor !== undefined);
  }

  #names(name: string): string[] {
    return [name, ...this.#options.alias.map((pair) => name.replace(...pair))];
  }
}

function wrongType(tensor: StoredTensor, need: string): MoepressError {
  return new MoepressError('TENSOR_DTYPE', {
    message: `${tensor.name} is ${tensor.dtype}, not ${need}.`,
    where: whereIs(tensor),
  });
}

/** A tensor that is stored as plain numbers. */
function asStored(tensor: TensorExpr): StoredTensor {
  if (tensor.kind === 'stored') return tensor;
  throw wrongType(storedIn(tensor).next().value!, 'stored as plain numbers');
}

/** The name of the module that a weight belongs to. */
const stemOf = (weight: string): string => weight.replace(/\.weight$/, '');

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
