import { MoepressError } from '../errors/error.js';
import type { DType } from './dtype.js';

/**
 * A tensor as an expression over checkpoint files. Plain data: it can be compared, hashed, cloned
 * into a worker and written to disk stream by stream; building one reads nothing.
 */
export type TensorExpr = StoredTensor | SelectExpr | ConcatExpr | ScaleExpr | LearnedTensor;

interface Typed {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Bytes `[offset, offset + length)` of a file, row-major, little-endian. */
export interface StoredTensor extends Typed {
  readonly kind: 'stored';
  /** Name in the checkpoint, for messages and for writing. */
  readonly name: string;
  /** Absolute path with symbolic links resolved, as the engine's file mapping demands. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** Some rows (axis 0) or columns (axis 1) of a tensor, in the order given. */
export interface SelectExpr extends Typed {
  readonly kind: 'rows' | 'cols';
  readonly of: TensorExpr;
  readonly indices: readonly number[];
}

export interface ConcatExpr extends Typed {
  readonly kind: 'concat';
  readonly of: readonly TensorExpr[];
  readonly axis: 0 | 1;
}

export interface ScaleExpr extends Typed {
  readonly kind: 'scale';
  readonly of: TensorExpr;
  readonly by: number;
}

/** A tensor that a plan's own safetensors file brings along. */
export interface LearnedTensor extends Typed {
  readonly kind: 'learned';
  readonly name: string;
  readonly stored: StoredTensor;
}

const axisOf = { rows: 0, cols: 1 } as const;

function select(kind: 'rows' | 'cols', of: TensorExpr, indices: readonly number[]): TensorExpr {
  const axis = axisOf[kind];
  const size = of.shape[axis];
  if (size === undefined) throw invalid(`${kind}() needs a tensor of ${axis + 1} or more axes`, of);
  const outside = indices.find((i) => !Number.isInteger(i) || i < 0 || i >= size);
  if (outside !== undefined) throw invalid(`${kind}() index ${outside} is outside 0..${size - 1}`, of);
  if (indices.length === size && indices.every((index, i) => index === i)) return of;
  // rows(rows(x, a), b) = rows(x, a[b]): views of views stay one step deep.
  if (of.kind === kind)
    return select(
      kind,
      of.of,
      indices.map((i) => of.indices[i]!),
    );
  const shape = of.shape.with(axis, indices.length);
  return { kind, of, indices: [...indices], dtype: of.dtype, shape };
}

/** Rows `indices` of `of`. Throws `PLAN_INVALID` for an index outside the tensor. */
export const rows = (of: TensorExpr, indices: readonly number[]): TensorExpr => select('rows', of, indices);

/** Columns `indices` of the matrix `of`. Throws `PLAN_INVALID` for an index outside the tensor. */
export const cols = (of: TensorExpr, indices: readonly number[]): TensorExpr => select('cols', of, indices);

/** Tensors of one dtype laid side by side along `axis`. Throws `PLAN_INVALID` if they do not fit. */
export function concat(of: readonly TensorExpr[], axis: 0 | 1): TensorExpr {
  const first = of[0];
  if (!first) throw new MoepressError('PLAN_INVALID', { message: 'concat() of no tensors.' });
  if (of.length === 1) return first;
  for (const other of of) {
    const fits =
      other.dtype === first.dtype &&
      other.shape.length === first.shape.length &&
      other.shape.every((n, i) => i === axis || n === first.shape[i]);
    if (!fits) throw invalid(`concat() along axis ${axis} does not fit ${describe(first)}`, other);
  }
  const size = of.reduce((sum, e) => sum + (e.shape[axis] ?? 0), 0);
  return { kind: 'concat', of: [...of], axis, dtype: first.dtype, shape: first.shape.with(axis, size) };
}

/** `of` times a constant; the product is rounded to the dtype of `of` when written. */
export function scale(of: TensorExpr, by: number): TensorExpr {
  if (!Number.isFinite(by)) throw invalid(`scale() by ${by}`, of);
  return by === 1 ? of : { kind: 'scale', of, by, dtype: of.dtype, shape: of.shape };
}

export function learned(name: string, stored: StoredTensor): LearnedTensor {
  return { kind: 'learned', name, stored, dtype: stored.dtype, shape: stored.shape };
}

/** Every stretch of file an expression reads. */
export function* storedIn(expr: TensorExpr): Generator<StoredTensor> {
  if (expr.kind === 'stored') yield expr;
  else if (expr.kind === 'learned') yield expr.stored;
  else if (expr.kind === 'concat') for (const part of expr.of) yield* storedIn(part);
  else yield* storedIn(expr.of);
}

/** `name[shape] dtype`, for messages. */
export function describe(expr: TensorExpr): string {
  const origin = storedIn(expr).next().value;
  return `${origin?.name ?? '?'} [${expr.shape.join(', ')}] ${expr.dtype}`;
}

function invalid(problem: string, expr: TensorExpr): MoepressError {
  return new MoepressError('PLAN_INVALID', { message: `${problem}.`, where: describe(expr) });
}
