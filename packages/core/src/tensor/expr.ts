import { MoepressError } from '../errors/error.js';
import type { ConstantExpr } from './constant.js';
import { byteLength, type DType, elementCount } from './dtype.js';
import { type GgmlBlockType, ggmlBlocks } from './ggml/index.js';
import type { CodeType, Packing, QuantisedFormat } from './quantised-types.js';

/**
 * A tensor as an expression over checkpoint files. Plain data: it can be compared, hashed, cloned
 * into a worker and written to disk stream by stream; building one reads nothing.
 */
export type TensorExpr =
  | StoredTensor
  | SelectExpr
  | ConcatExpr
  | SumExpr
  | TransposeExpr
  | BlockScaledExpr
  | GgmlExpr
  | UnpackedExpr
  | PackedExpr
  | EncodedExpr
  | LowRankExpr
  | ZerosExpr
  | ConstantExpr
  | LearnedTensor
  | ParameterTensor;

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

/** Tensors of one shape, each times a constant, added up. */
export interface SumExpr extends Typed {
  readonly kind: 'sum';
  readonly of: readonly TensorExpr[];
  /** One factor for each tensor. */
  readonly factors: readonly number[];
}

/** A matrix with rows and columns exchanged. */
export interface TransposeExpr extends Typed {
  readonly kind: 'transpose';
  readonly of: TensorExpr;
}

/**
 * A matrix stored as codes of few bits and a scale for each block: (value of the code - zero point) times the scale, where
 * the scale is first divided by or multiplied with the global one; computed in fp32 and rounded once, to `dtype`.
 */
export interface BlockScaledExpr extends Typed {
  readonly kind: 'block-scaled';
  /** The name of the weight, which no tensor of the file need have. */
  readonly name: string;
  /** By what names and types it is stored. */
  readonly format: QuantisedFormat;
  readonly code: CodeType;
  /** A code for each element: stored, `unpacked`, or some of such. */
  readonly of: TensorExpr;
  /**
   * A scale for each block: numbers, or powers of two 2^(byte - 127) in U8 and F8_E8M0.
   * [ceil(rows / block[0]), ceil(columns / block[1])]; with `groups` as many along that axis as there are groups.
   */
  readonly scales: TensorExpr;
  /** Axes that scales and zero points have in the file, where they are fewer than two. */
  readonly gridAxes?: 0 | 1;
  /** Rows and columns of a block; null: all there are. */
  readonly block: readonly [number | null, number | null];
  /** A code for each block, read like those of the elements, and what is added to it; null: `zero` for all. */
  readonly zeros: {
    readonly of: TensorExpr;
    readonly plus: number;
    /** Whether they stand in the middle of the range in every block. */
    readonly fixed: boolean;
  } | null;
  readonly zero: number;
  readonly global: GlobalScale | null;
  /** The block of each row (axis 0) or column (axis 1), I32; null: they follow each other. */
  readonly groups: { readonly of: TensorExpr; readonly axis: 0 | 1 } | null;
  /** Further tensors of the weight, which nothing here reads, such as scales of activations, by their suffixes. */
  readonly extras: Readonly<Record<string, StoredTensor>>;
}

/** Codes of few bits, U8 each, out of the words of a file. */
export interface UnpackedExpr extends Typed {
  readonly kind: 'unpacked';
  readonly of: StoredTensor;
  readonly packing: Packing;
}

/** The same in the other direction. Only written. */
export interface PackedExpr extends Typed {
  readonly kind: 'packed';
  readonly of: TensorExpr;
  readonly packing: Packing;
}

/** One F32 number, of a file or known already. */
export interface GlobalScale {
  readonly of: StoredTensor | number;
  readonly divides: boolean;
}

/** How a matrix is quantised. */
export interface EncodingScheme {
  readonly code: CodeType;
  readonly block: readonly [number, number];
  /** U8 and F8_E8M0 are powers of two. */
  readonly scale: DType;
  /** Whether blocks have zero points of their own; only for unsigned integers. */
  readonly asymmetric: boolean;
  /** A scale for all blocks, which divides or multiplies theirs when they are read. */
  readonly global: GlobalScale | null;
  /** What is added to stored zero points when they are read. */
  readonly plus: number;
}

/** The codes, scales or zero points that a matrix of numbers is quantised to. Only written. */
export interface EncodedExpr extends Typed {
  readonly kind: 'encoded';
  readonly of: TensorExpr;
  readonly scheme: EncodingScheme;
  readonly part: 'codes' | 'scales' | 'zeros';
}

/** A matrix in blocks of a type of ggml, as GGUF files have it; F32 once read. `of` is U8 [rows, bytes of a row]. */
export interface GgmlExpr extends Typed {
  readonly kind: 'ggml';
  readonly type: GgmlBlockType;
  readonly of: StoredTensor;
}

/**
 * A matrix and what an adapter of low rank adds to it: of + factor (left right), computed in fp32 and rounded once, to the
 * dtype of `of`, when written (LoRA, arXiv 2106.09685, equation 3).
 */
export interface LowRankExpr extends Typed {
  readonly kind: 'low-rank';
  readonly of: TensorExpr;
  /** [rows, rank] */
  readonly left: TensorExpr;
  /** [rank, columns] */
  readonly right: TensorExpr;
  readonly factor: number;
}

/** The zero tensor that padding consists of. */
export interface ZerosExpr extends Typed {
  readonly kind: 'zeros';
}

/** A tensor from a plan's own safetensors file. */
export interface LearnedTensor extends Typed {
  readonly kind: 'learned';
  readonly name: string;
  readonly stored: StoredTensor;
}

/**
 * A trained tensor that the engine stores under its name in fp32 and training updates at every step. Only the engine
 * can read it; `dtype` is that of the tensor it stands for, to which it is rounded in the end.
 */
export interface ParameterTensor extends Typed {
  readonly kind: 'parameter';
  readonly name: string;
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
  // Not copied: the experts of a model with fused tensors share their thousands of indices.
  return { kind, of, indices, dtype: of.dtype, shape };
}

/** Rows `indices` of `of`. Throws `PLAN_INVALID` for an index outside the tensor. */
export const rows = (of: TensorExpr, indices: readonly number[]): TensorExpr => select('rows', of, indices);

/** Columns `indices` of the matrix `of`. Throws `PLAN_INVALID` for an index outside the tensor. */
export const cols = (of: TensorExpr, indices: readonly number[]): TensorExpr => select('cols', of, indices);

/** Concatenates tensors of one dtype along `axis`. Throws `PLAN_INVALID` if their shapes do not match. */
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
export const scale = (of: TensorExpr, factor: number): TensorExpr => weightedSum([of], [factor]);

/**
 * Σ factors[i] of[i], for tensors of one dtype and shape; computed in fp32 and rounded once, to that dtype, when
 * written. Throws `PLAN_INVALID` if they do not fit or a factor is not finite.
 */
export function weightedSum(of: readonly TensorExpr[], factors: readonly number[]): TensorExpr {
  const first = of[0];
  if (!first) throw new MoepressError('PLAN_INVALID', { message: 'weightedSum() of no tensors.' });
  const wrong = factors.find((factor) => !Number.isFinite(factor));
  if (wrong !== undefined) throw invalid(`weightedSum() by ${wrong}`, first);
  if (factors.length !== of.length)
    throw invalid(`weightedSum() of ${of.length} tensors by ${factors.length} factors`, first);
  const odd = of.find((other) => other.dtype !== first.dtype || !sameShape(other.shape, first.shape));
  if (odd) throw invalid(`weightedSum() does not fit ${describe(first)}`, odd);
  if (of.length === 1 && factors[0] === 1) return first;
  return { kind: 'sum', of: [...of], factors: [...factors], dtype: first.dtype, shape: first.shape };
}

/** The transposed matrix; transposing twice gives the matrix itself. Throws `PLAN_INVALID` for another shape. */
export function transpose(of: TensorExpr): TensorExpr {
  if (of.shape.length !== 2) throw invalid('transpose() needs a matrix', of);
  if (of.kind === 'transpose') return of.of;
  // Selection is moved outside the transpose, so that a tensor that was transposed before is recognised.
  if (of.kind === 'rows') return cols(transpose(of.of), of.indices);
  if (of.kind === 'cols') return rows(transpose(of.of), of.indices);
  return { kind: 'transpose', of, dtype: of.dtype, shape: of.shape.toReversed() };
}

/** A matrix of `type`, see `GgmlExpr`. Throws `PLAN_INVALID` if its rows are no blocks of it. */
export function ggml(type: GgmlBlockType, of: StoredTensor): GgmlExpr {
  const [rows = 0, rowBytes = 0] = of.shape;
  const { block, bytes } = ggmlBlocks[type];
  if (of.dtype !== 'U8' || of.shape.length !== 2 || rowBytes % bytes !== 0)
    throw invalid(`ggml() rows are no blocks of ${type}`, of);
  return { kind: 'ggml', type, of, dtype: 'F32', shape: [rows, (rowBytes / bytes) * block] };
}

/** `of` with an adapter, see `LowRankExpr`. Throws `PLAN_INVALID` if shapes do not fit or the factor is not finite. */
export function lowRank(of: TensorExpr, left: TensorExpr, right: TensorExpr, factor: number): LowRankExpr {
  const [rows, columns] = of.shape;
  const rank = left.shape[1] ?? 0;
  const fits =
    of.shape.length === 2 && sameShape(left.shape, [rows!, rank]) && sameShape(right.shape, [rank, columns!]);
  if (!fits) throw invalid(`lowRank() of ${describe(left)} and ${describe(right)} does not fit`, of);
  if (!Number.isFinite(factor)) throw invalid(`lowRank() by ${factor}`, of);
  return { kind: 'low-rank', of, left, right, factor, dtype: of.dtype, shape: of.shape };
}

export function zeros(dtype: DType, shape: readonly number[]): ZerosExpr {
  return { kind: 'zeros', dtype, shape: [...shape] };
}

/** Tensor number `index` along the first axis of a stored one. Throws `PLAN_INVALID` if there is none. */
export function slab(of: StoredTensor, index: number): StoredTensor {
  const [count = 0, ...shape] = of.shape;
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw invalid(`slab() ${index} of ${count}`, of);
  const length = of.length / count;
  return { ...of, name: `${of.name}[${index}]`, shape, offset: of.offset + index * length, length };
}

/**
 * Splits a matrix into parts of at most `size` rows each, which can be read and computed separately. Yields the whole
 * matrix where a part would cost as much as the whole: if it is computed, or if its rows are not rows of a file.
 */
export function rowParts(of: TensorExpr, size: number): TensorExpr[] {
  const [count = 0, width = 1] = of.shape;
  if (of.kind === 'ggml') return rowParts(of.of, size).map((part) => ggml(of.type, part as StoredTensor));
  if (of.kind !== 'stored' && of.kind !== 'learned') return [of];
  const source = of.kind === 'learned' ? of.stored : of;
  const rowBytes = source.length / Math.max(1, count);
  return Array.from({ length: Math.max(1, Math.ceil(count / size)) }, (_, i) => {
    const [from, to] = [i * size, Math.min(count, (i + 1) * size)];
    const part = {
      ...source,
      shape: [to - from, width],
      offset: source.offset + from * rowBytes,
      length: (to - from) * rowBytes,
    };
    return of.kind === 'learned' ? learned(of.name, part) : part;
  });
}

/** The tensor of that name in a plan's safetensors file. */
export function learned(name: string, stored: StoredTensor): LearnedTensor {
  return { kind: 'learned', name, stored, dtype: stored.dtype, shape: stored.shape };
}

/** The trained tensor that replaces `of`. */
export function parameter(name: string, { dtype, shape }: TensorExpr): ParameterTensor {
  return { kind: 'parameter', name, dtype, shape };
}

/** The expressions that an expression is made of, in the order of its fields. */
export function operandsOf(expr: TensorExpr): readonly TensorExpr[] {
  switch (expr.kind) {
    case 'stored':
    case 'zeros':
    case 'constant':
    case 'parameter':
      return [];
    case 'learned':
      return [expr.stored];
    case 'rows':
    case 'cols':
    case 'transpose':
    case 'ggml':
      return [expr.of];
    case 'concat':
    case 'sum':
      return expr.of;
    case 'unpacked':
    case 'packed':
    case 'encoded':
      return [expr.of];
    case 'block-scaled':
      return [
        expr.of,
        expr.scales,
        ...[expr.zeros, expr.groups].flatMap((part) => (part ? [part.of] : [])),
        ...(expr.global && typeof expr.global.of !== 'number' ? [expr.global.of] : []),
        ...Object.values(expr.extras),
      ];
    case 'low-rank':
      return [expr.of, expr.left, expr.right];
  }
}

/** Every byte range of a file that an expression reads. */
export function* storedIn(expr: TensorExpr): Generator<StoredTensor> {
  if (expr.kind === 'stored') yield expr;
  for (const operand of operandsOf(expr)) yield* storedIn(operand);
}

/**
 * Bytes an expression takes on disk as far as it is used: those of its own type, except that what is
 * stored in fewer bits counts as stored.
 */
export function storedBytes(expr: TensorExpr): number {
  const elements = elementCount(expr.shape);
  if (expr.kind === 'block-scaled') return operandsOf(expr).reduce((sum, part) => sum + storedBytes(part), 0);
  if (expr.kind === 'unpacked' || expr.kind === 'ggml' || expr.kind === 'transpose')
    return storedBytes(expr.of);
  if (expr.kind === 'concat') return expr.of.reduce((sum, part) => sum + storedBytes(part), 0);
  if (expr.kind === 'rows' || expr.kind === 'cols') {
    return Math.round((storedBytes(expr.of) * elements) / elementCount(expr.of.shape));
  }
  return byteLength(expr.dtype, expr.shape);
}

/** `name[shape] dtype`, for messages. */
export function describe(expr: TensorExpr): string {
  const origin = expr.kind === 'parameter' ? expr : storedIn(expr).next().value;
  return `${origin?.name ?? '?'} [${expr.shape.join(', ')}] ${expr.dtype}`;
}

/** The error for operands that do not fit; `problem` is a sentence without its full stop. */
export function invalid(problem: string, expr: TensorExpr): MoepressError {
  return new MoepressError('PLAN_INVALID', { message: `${problem}.`, where: describe(expr) });
}

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);
