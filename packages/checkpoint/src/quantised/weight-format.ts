import {
  type BlockScaledExpr,
  blockSize,
  type DType,
  type StoredTensor,
  type TensorExpr,
} from '@moepress/core';
import type { WeightScheme } from '../config/weight-scheme.js';
import type { TensorEntry } from '../safetensors/file-layout.js';

/** The tensors that a quantised weight consists of: the stem of its name, then a suffix such as `.weight_scale`. */
export interface WeightFiles {
  /** The name of the weight, ending in `.weight`. */
  readonly name: string;
  /** [out, in], as config.json makes it. */
  readonly shape: readonly [number, number];
  /** The type that the weight has once read. */
  readonly dtype: DType;
  has(suffix: string): boolean;
  /** The tensor of one of these shapes and types. Throws `TENSOR_MISSING`, `TENSOR_SHAPE` or `TENSOR_DTYPE`. */
  get(suffix: string, shapes: readonly (readonly number[])[], dtypes: readonly DType[]): StoredTensor;
}

/** One way in which files hold quantised weights. */
export interface WeightFormat {
  /** The suffix of the tensor by which a weight of the format is known. */
  readonly main: string;
  /** Whether the matrix [in, out] is stored in place of [out, in]. */
  readonly transposed: boolean;
  /** The weight [out, in]. Throws what `WeightFiles.get` throws, `CONFIG_UNSUPPORTED` for shapes that do not go into blocks. */
  open(files: WeightFiles, scheme: WeightScheme): TensorExpr;
  /** What numbers of rows and columns, in the orientation of the format, have to be multiples of: else some word or group would be cut. */
  steps(of: BlockScaledExpr): readonly [number, number];
  /** The tensors of a matrix in the orientation of the format. */
  entries(stem: string, of: BlockScaledExpr): TensorEntry[];
}

/** Types that scales may have which are numbers. */
export const scaleTypes: readonly DType[] = ['F32', 'BF16', 'F16'];

/** The tensors among `suffixes` that are there, by suffix: they go where the weight goes. */
export function extrasOf(
  files: WeightFiles,
  suffixes: Readonly<Record<string, readonly DType[]>>,
): Record<string, StoredTensor> {
  return Object.fromEntries(
    Object.entries(suffixes)
      .filter(([suffix]) => files.has(suffix))
      .map(([suffix, dtypes]) => [suffix, files.get(suffix, [[], [1], [2], [1, 1]], dtypes)]),
  );
}

/** What a format's axis has to be a multiple of so that all groups are as long as they are meant to be; a scale for all fits any. */
export const groupStep = ({ block }: BlockScaledExpr, axis: 0 | 1): number => block[axis] ?? 1;

/** Whether a format can store a matrix. */
export const holds = (format: WeightFormat, of: BlockScaledExpr): boolean =>
  format.steps(of).every((step, axis) => of.shape[axis]! % step === 0);

/** How many blocks there are along each axis. */
export const gridOf = (shape: readonly number[], block: BlockScaledExpr['block']): [number, number] => [
  Math.ceil(shape[0]! / blockSize({ shape, block }, 0)),
  Math.ceil(shape[1]! / blockSize({ shape, block }, 1)),
];
