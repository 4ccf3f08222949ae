import type { Dim, Value } from '@moepress/core';
import type { GraphBuilder } from '../builder.js';
import { frontAxis, intVector } from './shapes.js';

/** -1 infers one size and 0 copies it, as ONNX has it; `shape` says what comes out. */
export function reshape(a: Value, target: readonly number[], shape: readonly Dim[] = target): Value {
  return a.graph.op('Reshape', [a, intVector(a, target)], { shape });
}

export function transpose(a: Value, order: readonly number[]): Value {
  return a.graph.op('Transpose', [a], { shape: order.map((i) => a.shape[i]!), attributes: { perm: order } });
}

/** Values laid side by side along `axis`. */
export function join(parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  if (!first) throw new RangeError('join() of nothing');
  if (parts.length === 1) return first;
  const at = frontAxis(axis, first.shape.length);
  const sizes = parts.map((part) => part.shape[at]!);
  const size = sizes.every((s) => typeof s === 'number') ? sizes.reduce((a, b) => a + b, 0) : sizes.join('+');
  return first.graph.op('Concat', parts, { shape: first.shape.with(at, size), attributes: { axis } });
}

export function unsqueeze(a: Value, axis: number): Value {
  const at = frontAxis(axis, a.shape.length + 1);
  return a.graph.op('Unsqueeze', [a, intVector(a, [axis])], { shape: a.shape.toSpliced(at, 0, 1) });
}

export function squeeze(a: Value, axis: number): Value {
  const at = frontAxis(axis, a.shape.length);
  return a.graph.op('Squeeze', [a, intVector(a, [axis])], { shape: a.shape.toSpliced(at, 1) });
}

/** Elements `indices` along `axis`: the axis is replaced by the shape of `indices`. */
export function gather(a: Value, indices: Value, axis = 0): Value {
  const shape = [...a.shape.slice(0, axis), ...indices.shape, ...a.shape.slice(axis + 1)];
  return a.graph.op('Gather', [a, indices], { shape, attributes: { axis } });
}

/** One element for each row (i, j) of `indices` int64 [n, 2]: a[i, j], [n]. */
export function gatherNd(a: Value, indices: Value): Value {
  return a.graph.op('GatherND', [a, indices], { shape: [indices.shape[0]!] });
}

/** `base` with `updates` added at `indices` along `axis`; repeated indices add up. */
export function scatterAdd(base: Value, indices: Value, updates: Value, axis: number): Value {
  return base.graph.op('ScatterElements', [base, indices, updates], {
    attributes: { axis, reduction: 'add' },
  });
}

/** `base` [T, H] with the rows `updates` [n, H] added at `rows` [n]. */
export function addRows(base: Value, rows: Value, updates: Value): Value {
  return base.graph.op('ScatterND', [base, unsqueeze(rows, 1), updates], {
    attributes: { reduction: 'add' },
  });
}

/** Positions of the non-zero elements of a vector, int64 [count]. */
export function nonZero(a: Value, count: Dim): Value {
  const found = a.graph.op('NonZero', [a], { dtype: 'int64', shape: [1, count] });
  return reshape(found, [-1], [count]);
}

/** The size of axis 0, int64 [1]. */
export function rowCount(a: Value): Value {
  return a.graph.op('Shape', [a], { dtype: 'int64', shape: [1], attributes: { start: 0, end: 1 } });
}

/** float32 zeros with as many rows as `like` and `width` columns. */
export function zeroRows(like: Value, width: number): Value {
  const shape = join([rowCount(like), intVector(like, [width])], 0);
  return like.graph.op('ConstantOfShape', [shape], { dtype: 'float32', shape: [like.shape[0]!, width] });
}

/** The k largest along the last axis and where they are (int64), by descending value. */
export function topK(a: Value, k: number): { values: Value; indices: Value } {
  const shape = a.shape.with(-1, k);
  const [values, indices] = (a.graph as GraphBuilder).multi(
    'TopK',
    [a, intVector(a, [k])],
    [
      { dtype: a.dtype, shape },
      { dtype: 'int64', shape },
    ],
    { attributes: { axis: -1, largest: 1, sorted: 1 } },
  );
  return { values: values!, indices: indices! };
}
