import type { Linear, TensorExpr } from '@moepress/core';
import type { GgufTensor, ValueMap } from '../file/gguf-tensor.js';

/** A tensor as it is. */
export const one = (name: string, of: TensorExpr, map?: ValueMap): GgufTensor => ({
  name,
  shape: of.shape,
  from: [of],
  ...(map && { map }),
});

/** The same numbers in another shape. */
export const shaped = (name: string, of: TensorExpr, shape: readonly number[]): GgufTensor => ({
  name,
  shape,
  from: [of],
});

/** Tensors of one shape along a new first axis. */
export const stack = (name: string, of: readonly TensorExpr[]): GgufTensor => ({
  name,
  shape: [of.length, ...of[0]!.shape],
  from: of,
});

/** `stem` is the name before `.weight` and `.bias`. */
export const linear = (stem: string, { weight, bias }: Linear): GgufTensor[] => [
  one(`${stem}.weight`, weight),
  ...(bias ? [one(`${stem}.bias`, bias)] : []),
];
