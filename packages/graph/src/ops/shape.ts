import type { Dim, Graph, GraphDType, Value } from '@moepress/core';
import { broadcast, frontAxis, intVector } from './dims.js';
import { cast } from './math.js';

/** In `sizes`, -1 infers one size and 0 copies it, as in ONNX; `shape` is the shape of the result. */
export function reshape(a: Value, target: readonly number[], shape: readonly Dim[] = target): Value {
  return a.graph.op('Reshape', [a, intVector(a, target)], { shape });
}

export function transpose(a: Value, order: readonly number[]): Value {
  return a.graph.op('Transpose', [a], { shape: order.map((i) => a.shape[i]!), attributes: { perm: order } });
}

/** The last two axes the other way round. */
export function transposeLast(a: Value): Value {
  const { length } = a.shape;
  return transpose(a, [...a.shape.keys()].toSpliced(-2, 2, length - 1, length - 2));
}

/** Values concatenated along `axis`. Throws a RangeError for an empty list. */
export function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  if (!first) throw new RangeError('concat() of nothing');
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

/** Elements where `indices` says, int64 of the shape of `a`'s slice that comes out. */
export function gatherElements(a: Value, indices: Value, axis: number): Value {
  return a.graph.op('GatherElements', [a, indices], { shape: indices.shape, attributes: { axis } });
}

/** a[i, j, ..] for each row (i, j, ..) of `indices`, int64 [n, depth]; `shape` is that of the result. */
export function gatherNd(a: Value, indices: Value, shape: readonly Dim[] = [indices.shape[0]!]): Value {
  return a.graph.op('GatherND', [a, indices], { shape });
}

/** `base` with `updates` added at `indices` along `axis`; repeated indices add up. */
export function scatterAdd(base: Value, indices: Value, updates: Value, axis: number): Value {
  return base.graph.op('ScatterElements', [base, indices, updates], {
    attributes: { axis, reduction: 'add' },
  });
}

/**
 * `base` [T, ..] with `updates` added at the rows that `rows` names, indices of any shape; no row twice,
 * as for `scatterNdAdd`.
 */
export function addRows(base: Value, rows: Value, updates: Value): Value {
  return scatterNdAdd(base, unsqueeze(cast(rows, 'int64'), -1), updates);
}

/**
 * `base` with `updates` added at the coordinates `indices` int64 [.., depth], which must differ: ONNX
 * Runtime (1.30) adds in several threads without a guard, and of two updates of one place loses some.
 */
export function scatterNdAdd(base: Value, indices: Value, updates: Value): Value {
  return base.graph.op('ScatterND', [base, indices, updates], { attributes: { reduction: 'add' } });
}

/** Positions of the non-zero elements of a vector, int64 [count]; no other number of elements has that name. */
export function nonZero(a: Value, count: Dim): Value {
  // Squeezed, not reshaped: inference hands the name on, see `GraphIR.named`.
  return squeeze(a.graph.op('NonZero', [a], { dtype: 'int64', shape: [1, count] }), 0);
}

/** Elements [start, end) along `axis`; no node if that is all of them. */
export function slice(a: Value, axis: number, start: number, end: number): Value {
  if (start === 0 && end === a.shape[axis]) return a;
  const bounds = [[start], [end], [axis]].map((numbers) => intVector(a, numbers));
  return a.graph.op('Slice', [a, ...bounds], { shape: a.shape.with(axis, end - start) });
}

/** A range along an axis whose bounds are known when the graph runs. */
export interface DynamicRange {
  /** First index, int64 [1]. */
  readonly from: Value;
  /** One past the last index, int64 [1]. */
  readonly to: Value;
  /** The size of the range in the shape of the result. */
  readonly count: Dim;
}

/** Elements [from, to) along `axis`. */
export function sliceDynamic(a: Value, axis: number, { from, to, count }: DynamicRange): Value {
  return a.graph.op('Slice', [a, from, to, intVector(a, [axis])], { shape: a.shape.with(axis, count) });
}

/** The inverse of `concat`: the parts of `a` along `axis`, each as long as the corresponding value of `likes`. */
export function split(a: Value, axis: number, likes: readonly Value[]): Value[] {
  const sizes = concat(
    likes.map((like) => sizeOf(like, axis)),
    0,
  );
  const parts = likes.map((like) => ({ dtype: a.dtype, shape: a.shape.with(axis, like.shape[axis]!) }));
  return a.graph.multi('Split', [a, sizes], parts, { attributes: { axis } });
}

/** All sizes of a value as an int64 vector. */
export function shapeOf(a: Value): Value {
  return a.graph.op('Shape', [a], { dtype: 'int64', shape: [a.shape.length] });
}

/** `a` reshaped to the sizes of `like`, which has as many elements. */
export function reshapeLike(a: Value, like: Value): Value {
  if (like.shape.filter((size) => typeof size === 'string').length > 1) {
    return a.graph.op('Reshape', [a, shapeOf(like)], { shape: like.shape });
  }
  // Not by Shape(like): ONNX Runtime 1.30 trips over chains of such nodes when it fuses them.
  const target = like.shape.map((size) => (typeof size === 'number' ? size : -1));
  return reshape(a, target, like.shape);
}

/** `a` repeated to the sizes of `like`. */
export function expandLike(a: Value, like: Value): Value {
  return a.graph.op('Expand', [a, shapeOf(like)], { shape: like.shape });
}

/** `a`, which has size 1 along `axis`, repeated `times` times. */
export function expand(a: Value, axis: number, times: number): Value {
  const target = a.shape.map((_, i) => (i === axis ? times : 1));
  return a.graph.op('Expand', [a, intVector(a, target)], { shape: a.shape.with(axis, times) });
}

/** Zeros of the type and sizes of `like`. */
export function zerosLike(like: Value): Value {
  return zerosOf(shapeOf(like), like.shape, like.dtype);
}

/** `updates` [n, ..] added at the rows `rows` int64 [n] of `base`, some of them more than once; in one thread. */
export function addRepeatedRows(base: Value, rows: Value, updates: Value): Value {
  return scatterAdd(base, expandLike(unsqueeze(rows, 1), updates), updates, 0);
}

/** Zeros of known sizes. */
export function zeros(graph: Graph, shape: readonly number[], dtype: GraphDType): Value {
  return zerosOf(graph.constant(shape, [shape.length], 'int64'), shape, dtype);
}

/** The size of an axis, int64 [1]. */
export function sizeOf(a: Value, axis: number): Value {
  const start = frontAxis(axis, a.shape.length);
  return a.graph.op('Shape', [a], { dtype: 'int64', shape: [1], attributes: { start, end: start + 1 } });
}

/** The size of axis 0, int64 [1]. */
export const rowCount = (a: Value): Value => sizeOf(a, 0);

/** Zeros of the type of `like` with as many rows and `width` columns. */
export function zeroRows(like: Value, width: number): Value {
  const sizes = concat([rowCount(like), intVector(like, [width])], 0);
  return zerosOf(sizes, [like.shape[0]!, width], like.dtype);
}

/** Zeros of the sizes in an int64 vector; `shape` gives the sizes that are known. */
export function zerosOf(sizes: Value, shape: readonly Dim[], dtype: GraphDType): Value {
  return cast(sizes.graph.op('ConstantOfShape', [sizes], { dtype: 'float32', shape }), dtype);
}

/** Zeros after the last element of `axis`, up to `size`. No node if it is that long. */
export function padEnd(a: Value, axis: number, size: number): Value {
  const missing = size - Number(a.shape[axis]);
  if (missing === 0) return a;
  const pads = new Array<number>(2 * a.shape.length).fill(0);
  pads[a.shape.length + axis] = missing;
  return a.graph.op('Pad', [a, intVector(a, pads)], { shape: a.shape.with(axis, size) });
}

/** 0, 1, 2, .. up to a limit known when the graph runs, int64 [] exclusive; `count` names the number of values. */
export function range(graph: Graph, limit: Value, count: Dim): Value {
  const [zero, one] = [0, 1].map((number) => graph.constant([number], [], 'int64'));
  return graph.op('Range', [zero!, limit, one!], { dtype: 'int64', shape: [count] });
}

/** `a` where `condition` (bool) holds, `b` elsewhere; all of one shape, or sizes of 1. */
export function where(condition: Value, a: Value, b: Value): Value {
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape));
  return a.graph.op('Where', [condition, a, b], { dtype: a.dtype, shape });
}

/** The k largest along the last axis and where they are (int64), by descending value. */
export function topK(a: Value, k: number): { values: Value; indices: Value } {
  const shape = a.shape.with(-1, k);
  const [values, indices] = a.graph.multi(
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
