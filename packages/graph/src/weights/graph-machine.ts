import type { BlockMachine, BlockTable, Graph, Value } from '@moepress/core';
import { add, cast, mul, sub } from '../ops/math.js';
import { concat, gather, reshape, slice } from '../ops/shape.js';

/**
 * Appends the operations of formats of blocks to a graph. Whole numbers are bytes. The number of blocks is that of the
 * rows, which may be known only when the graph runs.
 */
export class GraphMachine implements BlockMachine<Value> {
  readonly #graph: Graph;
  /** U8 [blocks, bytes of a block] */
  readonly #blocks: Value;

  constructor(blocks: Value) {
    this.#graph = blocks.graph;
    this.#blocks = blocks;
  }

  bytes(from: number, to: number): Value {
    return slice(this.#blocks, 1, from, to);
  }

  shaped(a: Value, ...sizes: readonly number[]): Value {
    const shape = [this.#blocks.shape[0]!, ...sizes];
    const isSame = a.shape.length === shape.length && a.shape.every((size, axis) => size === shape[axis]);
    return isSame ? a : reshape(a, [-1, ...sizes], shape);
  }

  joined(parts: readonly Value[], axis: number): Value {
    return concat(parts, axis);
  }

  part(a: Value, axis: number, from: number, to: number): Value {
    return slice(a, axis, from, to);
  }

  right(a: Value, axis: number, by: readonly number[]): Value {
    if (by.length === 1 && by[0] === 0) return a;
    const ones = a.shape.slice(axis + 1).map(() => 1);
    const bits = this.#graph.constant(by, [by.length, ...ones], 'uint8');
    const shape = a.shape.with(axis, by.length);
    return this.#graph.op('BitShift', [a, bits], { shape, attributes: { direction: 'RIGHT' } });
  }

  left(a: Value, by: number): Value {
    const bits = this.#graph.constant([by], [], 'uint8');
    return this.#graph.op('BitShift', [a, bits], { shape: a.shape, attributes: { direction: 'LEFT' } });
  }

  masked(a: Value, mask: number): Value {
    return this.#graph.op('BitwiseAnd', [a, this.#graph.constant([mask], [], 'uint8')], { shape: a.shape });
  }

  or(a: Value, b: Value): Value {
    return this.#graph.op('BitwiseOr', [a, b], { shape: a.shape });
  }

  numbers(a: Value): Value {
    return cast(a, 'float32');
  }

  entries({ values, width }: BlockTable, low: Value, high?: Value): Value {
    const table = this.#graph.constant(values, [values.length / width, width], 'float32');
    const index = cast(low, 'int32');
    if (!high) return gather(table, index);
    const upper = mul(cast(high, 'int32'), this.#graph.constant([256], [], 'int32'));
    return gather(table, add(index, upper));
  }

  times(a: Value, b: Value | number): Value {
    return mul(a, this.#number(b));
  }

  plus(a: Value, b: Value | number): Value {
    return add(a, this.#number(b));
  }

  minus(a: Value, b: Value): Value {
    return sub(a, b);
  }

  #number(b: Value | number): Value {
    return typeof b === 'number' ? this.#graph.constant([b], [], 'float32') : b;
  }
}
