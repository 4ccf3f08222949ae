import { byteLength, type DType, dtypeBits, MoepressError, type TensorExpr } from '@moepress/core';
import { bytesOf } from '../tensor/read-tensor.js';
import { lengthBytes, maxHeaderBytes } from './header.js';

/** A tensor to be written: its type, its shape and, when its turn comes, its bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The next block is asked for when the one before is written: it may come in the same memory. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** The same as expressions, one after the other, where it is made of such: the writer reads these by itself. */
  readonly of?: readonly TensorExpr[];
}

/** An expression to be written as `name`. */
export function exprEntry(name: string, expr: TensorExpr): TensorEntry {
  return { name, dtype: expr.dtype, shape: expr.shape, bytes: () => bytesOf(expr), of: [expr] };
}

/** Expressions of one type and shape, one after the other: [n, ...shape], `shape` being theirs unless it is given. */
export function stackEntry(
  name: string,
  of: readonly TensorExpr[],
  shape: readonly number[] = of[0]!.shape,
): TensorEntry {
  const bytes = async function* () {
    for (const expr of of) yield* bytesOf(expr);
  };
  return { name, dtype: of[0]!.dtype, shape: [of.length, ...shape], bytes, of };
}

/** Values in memory to be written as `name`, row-major. */
export function arrayEntry(
  name: string,
  dtype: DType,
  shape: readonly number[],
  values: ArrayBufferView,
): TensorEntry {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype, shape, bytes: () => [bytes] };
}

/** A file as it will be, before a byte of it is written. */
export interface FileLayout {
  /** Tensors in the order of their data. */
  readonly entries: readonly TensorEntry[];
  /** Length and JSON, ready to be written. */
  readonly head: Uint8Array;
  readonly dataBytes: number;
  readonly totalBytes: number;
}

/** Multiple the head is padded to with spaces, so that the data starts aligned. */
const alignment = 8;

/**
 * Wider types come first, so that every tensor is aligned to its own; otherwise the order stays.
 * Throws `WRITE_FAILED` if a name appears twice or the header would be larger than readers accept.
 */
export function layOut(
  entries: readonly TensorEntry[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): FileLayout {
  const ordered = [...entries].sort((a, b) => dtypeBits[b.dtype] - dtypeBits[a.dtype]);
  const header = new Map<string, unknown>([['__metadata__', metadata]]);
  let end = 0;
  for (const { name, dtype, shape } of ordered) {
    if (header.has(name)) throw writeFault(`There would be two tensors of this name`, name);
    const begin = end;
    end += byteLength(dtype, shape);
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  const head = encodeHead(Object.fromEntries(header));
  return { entries: ordered, head, dataBytes: end, totalBytes: head.byteLength + end };
}

function encodeHead(header: object): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.byteLength / alignment) * alignment;
  if (padded > maxHeaderBytes)
    throw writeFault(`The header would take ${padded} bytes`, 'safetensors header');
  const head = new Uint8Array(lengthBytes + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, lengthBytes);
  return head;
}

/** The error for files that would not be what they say; `problem` is a sentence without its full stop. */
export function writeFault(problem: string, where: string): MoepressError {
  return new MoepressError('WRITE_FAILED', {
    message: `${problem}.`,
    where,
    hint: 'This is likely a fault of moepress: please report it.',
  });
}
