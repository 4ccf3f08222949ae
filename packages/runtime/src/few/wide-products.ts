import type { LearnedTensor, Model, StoredTensor, TensorExpr } from '@moepress/core';
import { GraphBuilder, type GraphIR, linearBy } from '@moepress/graph';
import { fewRows } from '../decoder/decode.js';
import type { Input } from './arena.js';
import { commonMatricesOf } from './few-support.js';
import { sharesOf } from './team.js';

/**
 * Rows from which on matrices that all tokens meet are multiplied with by a graph. ONNX Runtime has vectors four times as long: of
 * 32 rows it makes 40 billion multiplications a second and core, the module 16, which it makes of three as well.
 */
export const leastWideRows = 12;

/** Numbers of a matrix from which on a session of its own is worth it. */
const leastWideNumbers = 2 ** 16;

/** The products of one thread's rows of a matrix with all rows of an input, in fresh memory. */
export type WideProduct = (input: Input) => Promise<Float32Array[]>;

/** For each of `wideMatrices` the session of a thread, or null where there is none. */
export type WideSessions = readonly (string | null)[];

/** Runs a session on `x` [rows, width]: yields `y`, row after row. */
export type RunSession = (session: string, x: Float32Array, width: number) => Promise<Float32Array>;

type Sliced = StoredTensor | LearnedTensor;

const isWide = (expr: TensorExpr): expr is Sliced =>
  (expr.kind === 'stored' || expr.kind === 'learned') &&
  ['BF16', 'F16', 'F32'].includes(expr.dtype) &&
  expr.shape[0]! * expr.shape[1]! >= leastWideNumbers;

/** Matrices that all tokens meet and that graphs multiply with from their files, in an order that all threads know. */
export const wideMatrices = (model: Model): Sliced[] => commonMatricesOf(model).filter(isWide);

/** The products of the i-th of so many threads with its rows of a matrix: `x` [T, in] to `y` [T, its rows]; null: it has none. */
export function wideGraph(expr: TensorExpr, index: number, count: number): GraphIR | null {
  if (!isWide(expr)) return null;
  const { from, to } = sharesOf(count)[index]!(expr.shape[0]!);
  if (from === to) return null;
  const graph = new GraphBuilder('few.product');
  const x = graph.input('x', 'float32', ['T', expr.shape[1]!]);
  graph.withFewRows(fewRows, () => graph.output('y', linearBy(x, rowsBetween(expr, from, to))));
  return graph.finish();
}

/** Rows [from, to) of a matrix, which are consecutive in its file. */
function rowsBetween(of: Sliced, from: number, to: number): TensorExpr {
  const source = of.kind === 'learned' ? of.stored : of;
  const [count, width] = source.shape as [number, number];
  const rowBytes = source.length / count;
  return {
    ...source,
    shape: [to - from, width],
    offset: source.offset + from * rowBytes,
    length: (to - from) * rowBytes,
  };
}

/** Products that a session makes with all rows of an input, which are laid out once for all matrices that they meet. */
export function wideProduct(run: (x: Float32Array, width: number) => Promise<Float32Array>): WideProduct {
  return async (input) => {
    const y = await run(laidOut(input), input.width);
    const width = y.length / input.rows.length;
    return input.rows.map((_, i) => y.subarray(i * width, (i + 1) * width));
  };
}

let last: { readonly id: number; readonly x: Float32Array } | undefined;

function laidOut({ rows, width, id }: Input): Float32Array {
  if (last?.id === id) return last.x;
  const x = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) x.set(row, i * width);
  last = { id, x };
  return x;
}
