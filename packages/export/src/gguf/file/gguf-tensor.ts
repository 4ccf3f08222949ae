import type { TensorExpr } from '@moepress/core';

/** A tensor of a GGUF file before its type is chosen. */
export interface GgufTensor {
  readonly name: string;
  /** Row-major, the last axis that of a row's elements. */
  readonly shape: readonly number[];
  /** Where its values come from: expressions, one after the other, or numbers. */
  readonly from: readonly TensorExpr[] | Float32Array<ArrayBuffer>;
  /** What becomes of each value on the way; default: nothing. */
  readonly map?: ValueMap;
  /** Mean squares of what the columns of each of `from` are multiplied with, where errors are to count by it. */
  readonly importance?: readonly Float32Array[];
}

/** `plus-one`: x + 1. `minus-exponential`: -exp(x). */
export type ValueMap = 'plus-one' | 'minus-exponential';
