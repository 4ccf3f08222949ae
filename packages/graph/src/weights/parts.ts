import { type Graph, rowParts, type TensorExpr, type Value } from '@moepress/core';
import { add, cast } from '../ops/math.js';
import { columnProduct, columnsOf, linear, rowsOf } from '../ops/nn.js';
import { concat, reshape, transpose } from '../ops/shape.js';
import { carriedProduct } from './carried.js';
import { carriesWeight, storedWeight, weight } from './weights.js';

/**
 * Numbers of a weight that are converted at once: 4 MiB in fp32, which are multiplied while they are in a core's cache.
 * Measured with experts of OLMoE in BF16: 2.1 times as fast for one row as to convert a matrix and then multiply, 1.8
 * for two, 1.4 for 32, and no faster for more than a hundred.
 */
const partNumbers = 2 ** 20;

/**
 * A matrix of a narrow type as parts with equally many rows, which are consecutive in its file, and the remaining
 * rows.
 */
export interface WeightParts {
  readonly parts: number;
  /** Rows of each part. */
  readonly rows: number;
  /** All parts, [parts * rows, in]. */
  readonly whole: TensorExpr;
  /** The rows after all parts; null: none. */
  readonly rest: TensorExpr | null;
}

/** How a weight [out, in] is split; null for one that is small, computed, or in fp32 already. */
export function weightParts(expr: TensorExpr): WeightParts | null {
  const isStored = expr.kind === 'stored' || expr.kind === 'learned';
  if (!isStored || expr.shape.length !== 2 || !['BF16', 'F16'].includes(expr.dtype)) return null;
  const [out, width] = expr.shape as [number, number];
  const most = Math.max(1, Math.floor(partNumbers / Math.max(1, width)));
  if (out < 2 * most) return null;
  const rows = divisor(out, most);
  const [whole, rest = null] = rowParts(expr, out - (out % rows));
  return { parts: Math.floor(out / rows), rows, whole: whole!, rest };
}

/** A divisor of `count` between half and one and a half of `wanted`, the nearest; `wanted` itself if there is none. */
function divisor(count: number, wanted: number): number {
  for (let off = 0; off <= wanted / 2; off++) {
    for (const rows of [wanted - off, wanted + off]) if (count % rows === 0) return rows;
  }
  return wanted;
}

/** The results of `of` for each part of a weight, in fp32 [rows, in], stacked: [parts, ...]. */
export function eachPart(
  graph: Graph,
  { whole, parts, rows }: WeightParts,
  of: (part: Value) => readonly Value[],
): Value[] {
  const [, width] = whole.shape as [number, number];
  return graph.scan(storedWeight(graph, whole, [parts, rows, width]), (part) => of(cast(part, 'float32')));
}

/**
 * x [n, in] times a weight [out, in] transposed, plus a bias [out]. Where the graph is written for few rows, a weight of
 * a narrow type is converted and multiplied part by part.
 */
export function linearBy(x: Value, expr: TensorExpr, bias: Value | null = null): Value {
  const { graph } = x;
  if (carriesWeight(graph, expr)) return carriedProduct(x, expr, { bias });
  const parts = graph.fewRows === null ? null : weightParts(expr);
  if (!parts) return linear(x, weight(graph, expr, x.dtype === 'float64' ? 'float64' : 'float32'), bias);
  const columns = columnsOf(x);
  const [stacked] = eachPart(graph, parts, (part) => [columnProduct(part, columns)]);
  // [parts, 1, rows, n] to [1, n, parts, rows]
  const order = transpose(stacked!, [1, 3, 0, 2]);
  const width = parts.parts * parts.rows;
  const own = reshape(order, [-1, width], [x.shape[0]!, width]);
  const y = parts.rest ? concat([own, rowsOf(columnProduct(weight(graph, parts.rest), columns))], 1) : own;
  return bias ? add(y, bias) : y;
}
