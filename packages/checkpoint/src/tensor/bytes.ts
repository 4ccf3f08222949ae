import {
  type BlockScaledExpr,
  type ConcatExpr,
  describe,
  dtypeBits,
  elementCount,
  MoepressError,
  type SelectExpr,
  type StoredTensor,
  type SumExpr,
  type TensorExpr,
  type TransposeExpr,
} from '@moepress/core';
import { decodeRows, scaleRows } from './block-scaled.js';
import { OpenFiles } from './files.js';
import { fromFloat32, isFloatType, toFloat32 } from './float.js';
import { transposed } from './transpose.js';

/**
 * Evaluation of tensor expressions to bytes. Every expression is asked for a range of its elements
 * in row-major order and asks its operands for the ranges it needs, so memory is bounded by the
 * block and not by the tensor. Only transposed matrices are held whole, two at a time (gate and up):
 * each of their rows is spread over all of the file's.
 */

/** Bytes handed on at a time; large enough to keep a disk busy. */
const defaultBlockBytes = 4 * 1024 * 1024;

/** What one evaluation carries along. */
interface Reading {
  readonly files: OpenFiles;
  readonly blockBytes: number;
  /** The matrices transposed last, by what they are the transposes of. */
  readonly held: Map<TensorExpr, Bytes>;
}

const maxHeld = 2;

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * The bytes of `expr` in its own dtype, row-major, in blocks of at most `blockBytes` (default 4 MB).
 * A weighted sum is computed in fp32 and rounded once, to nearest, ties to even. Columns and
 * side-by-side concatenation hold one source row more. Throws `CHECKPOINT_NOT_FOUND` or
 * `CHECKPOINT_INVALID` if a file went away or shrank, `TENSOR_DTYPE` for a sum of integer tensors.
 */
export async function* bytesOf(
  expr: TensorExpr,
  blockBytes: number = defaultBlockBytes,
): AsyncGenerator<Bytes, void, undefined> {
  const reading: Reading = { files: new OpenFiles(), blockBytes, held: new Map() };
  try {
    const count = elementCount(expr.shape);
    const step = Math.max(1, Math.floor(blockBytes / sizeOf(expr)));
    for (let begin = 0; begin < count; begin += step) {
      yield await readRange(expr, begin, Math.min(count, begin + step), reading);
    }
  } finally {
    await reading.files.close();
  }
}

/** Elements [begin, end) of `expr`. */
async function readRange(expr: TensorExpr, begin: number, end: number, reading: Reading): Promise<Bytes> {
  switch (expr.kind) {
    case 'stored':
      return reading.files.read(expr, begin * sizeOf(expr), (end - begin) * sizeOf(expr));
    case 'learned':
      return readRange(expr.stored, begin, end, reading);
    case 'sum':
      return summed(expr, begin, end, reading);
    case 'parameter':
      throw new TypeError(`Only an engine has the values of ${expr.name}.`);
    case 'rows':
      return readParts(rowParts(expr, begin, end), reading);
    case 'concat':
      if (expr.axis === 0) return readParts(stackedParts(expr.of, begin, end), reading);
      return readRows(expr, begin, end, (from, to) => sideBySide(expr, from, to, reading));
    case 'cols':
      return readRows(expr, begin, end, (from, to) => columns(expr, from, to, reading));
    case 'transpose':
      return (await transposedBytes(expr, reading)).slice(begin * sizeOf(expr), end * sizeOf(expr));
    case 'zeros':
      return new Uint8Array((end - begin) * sizeOf(expr));
    case 'block-scaled':
      return readRows(expr, begin, end, (from, to) => blockScaled(expr, from, to, reading));
  }
}

/** A range of an operand that becomes part of the result. */
interface Part {
  readonly of: TensorExpr;
  readonly begin: number;
  readonly end: number;
}

/** The ranges chosen rows take up in their operand; rows that follow each other make one range. */
function* rowParts({ of, indices }: SelectExpr, begin: number, end: number): Generator<Part> {
  const width = elementCount(of.shape.slice(1));
  let at = begin;
  while (at < end) {
    const first = Math.floor(at / width);
    let last = first;
    while ((last + 1) * width < end && indices[last + 1] === indices[last]! + 1) last++;
    const stop = Math.min(end, (last + 1) * width);
    const shift = (indices[first]! - first) * width;
    yield { of, begin: at + shift, end: stop + shift };
    at = stop;
  }
}

function* stackedParts(operands: readonly TensorExpr[], begin: number, end: number): Generator<Part> {
  let start = 0;
  for (const of of operands) {
    const size = elementCount(of.shape);
    const [from, to] = [Math.max(begin, start), Math.min(end, start + size)];
    if (from < to) yield { of, begin: from - start, end: to - start };
    start += size;
  }
}

async function readParts(parts: Iterable<Part>, reading: Reading): Promise<Bytes> {
  const pieces: Bytes[] = [];
  for (const { of, begin, end } of parts) pieces.push(await readRange(of, begin, end, reading));
  return pieces.length === 1 ? pieces[0]! : join(pieces);
}

/** A range of whatever can only be had by whole rows: reads the rows it touches, cuts off the rest. */
async function readRows(
  { shape, dtype }: TensorExpr,
  begin: number,
  end: number,
  read: (fromRow: number, toRow: number) => Promise<Bytes>,
): Promise<Bytes> {
  const width = elementCount(shape.slice(1));
  const [from, to] = [Math.floor(begin / width), Math.ceil(end / width)];
  const size = dtypeBits[dtype] / 8;
  const bytes = await read(from, to);
  // A copy, so that the result starts at an offset any typed array accepts.
  return bytes.slice((begin - from * width) * size, (end - from * width) * size);
}

/** Rows [from, to) of operands laid side by side. */
async function sideBySide(expr: ConcatExpr, from: number, to: number, reading: Reading): Promise<Bytes> {
  const stride = rowBytes(expr);
  const out = new Uint8Array((to - from) * stride);
  let left = 0;
  for (const of of expr.of) {
    const width = elementCount(of.shape.slice(1));
    const part = await readRange(of, from * width, to * width, reading);
    const bytes = rowBytes(of);
    for (let row = 0; row < to - from; row++) {
      out.set(part.subarray(row * bytes, (row + 1) * bytes), row * stride + left);
    }
    left += bytes;
  }
  return out;
}

/** Rows [from, to) of chosen columns. The operand may be far wider, so it is read in blocks too. */
async function columns(expr: SelectExpr, from: number, to: number, reading: Reading): Promise<Bytes> {
  const { of, indices } = expr;
  const cell = elementCount(of.shape.slice(2)) * sizeOf(of);
  const [wide, narrow] = [rowBytes(of), rowBytes(expr)];
  const width = elementCount(of.shape.slice(1));
  const step = Math.max(1, Math.floor(reading.blockBytes / wide));
  const out = new Uint8Array((to - from) * narrow);
  for (let start = from; start < to; start += step) {
    const stop = Math.min(to, start + step);
    const block = await readRange(of, start * width, stop * width, reading);
    for (let row = start; row < stop; row++) {
      const source = block.subarray((row - start) * wide, (row - start + 1) * wide);
      copyCells(source, indices, cell, out.subarray((row - from) * narrow));
    }
  }
  return out;
}

function copyCells(source: Uint8Array, indices: readonly number[], cell: number, target: Uint8Array): void {
  for (let i = 0; i < indices.length; i++) {
    const begin = indices[i]! * cell;
    for (let byte = 0; byte < cell; byte++) target[i * cell + byte] = source[begin + byte]!;
  }
}

async function transposedBytes({ of, shape }: TransposeExpr, reading: Reading): Promise<Bytes> {
  const { held } = reading;
  const known = held.get(of);
  if (known) return known;
  const bytes = transposed(await readRange(of, 0, elementCount(shape), reading), shape, sizeOf(of));
  if (held.size >= maxHeld) held.delete(held.keys().next().value!);
  held.set(of, bytes);
  return bytes;
}

/** Rows [from, to) of a quantised matrix, with the scales they need. */
async function blockScaled(
  expr: BlockScaledExpr,
  from: number,
  to: number,
  reading: Reading,
): Promise<Bytes> {
  const rowsOf = (of: StoredTensor, first: number, last: number) =>
    readRange(of, first * of.shape[1]!, last * of.shape[1]!, reading);
  const values = await rowsOf(expr.of, from, to);
  const scales = await rowsOf(expr.scales, ...scaleRows(expr, from, to));
  return decodeRows(expr, { first: from, values, scales });
}

async function summed(
  { of, by, dtype }: SumExpr,
  begin: number,
  end: number,
  reading: Reading,
): Promise<Bytes> {
  if (!isFloatType(dtype)) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `A ${dtype} tensor cannot be scaled.`,
      where: describe(of[0]!),
    });
  }
  const sum = new Float32Array(end - begin);
  for (const [k, term] of of.entries()) {
    const values = toFloat32(await readRange(term, begin, end, reading), dtype);
    const factor = Math.fround(by[k]!);
    for (let i = 0; i < sum.length; i++) sum[i]! += Math.fround(values[i]! * factor);
  }
  return fromFloat32(sum, dtype);
}

function join(pieces: readonly Bytes[]): Bytes {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.byteLength;
  }
  return out;
}

function sizeOf({ dtype }: TensorExpr): number {
  return dtypeBits[dtype] / 8;
}

function rowBytes(expr: TensorExpr): number {
  return elementCount(expr.shape.slice(1)) * sizeOf(expr);
}
