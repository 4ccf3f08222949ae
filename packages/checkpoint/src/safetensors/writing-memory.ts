import { byteLength, operandsOf, type TensorExpr } from '@moepress/core';
import { mostTransposedBytes } from '../tensor/transpose.js';
import type { FileLayout } from './file-layout.js';

/** Bytes read and written at a time: they stay in a core's cache between the two. */
export const defaultBlockBytes = 1024 * 1024;

/** Threads that write a file: one reads or computes while the other writes, for systems let one write to a file at a time. */
export const writingThreads = 2;

/** What garbage and the pieces of blocks add to the heap meanwhile, and what each thread takes by itself. */
const heapGrowth = 32 * 2 ** 20;
const threadBytes = 16 * 2 ** 20;

/**
 * Bytes of memory that writing files takes at most: in each thread a block, and what its values are computed from; the
 * matrices that are held to be transposed. It does not grow with the files.
 */
export function writingBytes(files: readonly FileLayout[]): number {
  const transposed = new Set<number>();
  let [blocks, adapters] = [0, 0];
  for (const { entries } of files) {
    for (const expr of entries.flatMap(({ of = [] }) => of)) {
      blocks = Math.max(blocks, 1 + blocksOf(expr));
      adapters = Math.max(adapters, adapterIn(expr));
      for (const bytes of transposedIn(expr)) transposed.add(bytes);
    }
  }
  return (
    heapGrowth +
    writingThreads * (threadBytes + blocks * defaultBlockBytes + adapters) +
    heldBytes(transposed)
  );
}

/** Buffers of each size are kept for the next matrix of that size. */
function heldBytes(sizes: ReadonlySet<number>): number {
  const each = mostTransposedBytes / writingThreads;
  const kept = [...sizes].reduce((sum, bytes) => sum + bytes * Math.max(1, Math.floor(each / bytes)), 0);
  return writingThreads * kept;
}

/** Blocks that are lent at once while one of an expression is computed. */
function blocksOf(expr: TensorExpr): number {
  const operands = most(operandsOf(expr), blocksOf);
  switch (expr.kind) {
    case 'stored':
    case 'learned':
      // What lies apart is read together.
      return 1;
    case 'zeros':
    case 'constant':
    case 'parameter':
      return 0;
    case 'sum':
      // Terms of two bytes a number are added up in fp32, or lie side by side.
      return 4 + operands;
    case 'block-scaled':
    case 'encoded':
      // Bytes and what they stand for in fp32.
      return 8 + operands;
    case 'ggml':
      // Bytes, numbers, and what is between them, much of which waits to be collected.
      return 12;
    case 'low-rank':
      return 4 + operands;
    case 'concat':
    case 'rows':
    case 'cols':
    case 'transpose':
    case 'unpacked':
    case 'packed':
      return 1 + operands;
  }
}

/** Bytes of each matrix that is transposed. */
function* transposedIn(expr: TensorExpr): Generator<number> {
  if (expr.kind === 'transpose') yield byteLength(expr.dtype, expr.shape);
  for (const operand of operandsOf(expr)) yield* transposedIn(operand);
}

/** Bytes of the largest flat half of an adapter, which is copied for each block; what waits to be collected counts as much. */
function adapterIn(expr: TensorExpr): number {
  const own = expr.kind === 'low-rank' ? 2 * byteLength('F32', expr.right.shape) : 0;
  return Math.max(own, most(operandsOf(expr), adapterIn));
}

const most = (of: readonly TensorExpr[], count: (expr: TensorExpr) => number): number =>
  of.reduce((largest, expr) => Math.max(largest, count(expr)), 0);
