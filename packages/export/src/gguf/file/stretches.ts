import { ggmlTypes } from '@moepress/checkpoint';
import { elementCount, type TensorExpr } from '@moepress/core';
import type { PlacedTensor } from './file-plan.js';

/** Elements of one expression that are read, converted and written at once. */
export interface Stretch {
  readonly tensor: PlacedTensor;
  readonly of: TensorExpr;
  readonly begin: number;
  readonly end: number;
  /** Mean squares of what the columns are multiplied with, where errors are to count by it. */
  readonly importance: Float32Array | undefined;
  /** Offset in the file. */
  readonly position: number;
}

/** Elements read at a time, about: whole rows of them, and more where one row has more. */
const mostElements = 256 * 1024;

/** All that is to be converted, in the order of the file. What comes from numbers is left out. */
export function* stretchesOf(tensors: readonly PlacedTensor[]): Generator<Stretch, void, undefined> {
  for (const tensor of tensors) {
    if (tensor.from instanceof Float32Array) continue;
    const { block, bytes } = ggmlTypes[tensor.type];
    const width = tensor.shape.at(-1) ?? 1;
    const step = width * Math.max(1, Math.floor(mostElements / width));
    let position = tensor.position;
    for (const [matrix, of] of tensor.from.entries()) {
      const count = elementCount(of.shape);
      for (let begin = 0; begin < count; begin += step) {
        const end = Math.min(count, begin + step);
        yield { tensor, of, begin, end, importance: tensor.importance?.[matrix], position };
        position += ((end - begin) / block) * bytes;
      }
    }
  }
}
