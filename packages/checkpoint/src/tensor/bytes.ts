import { elementCount, type TensorExpr } from '@moepress/core';
import { blocksOf } from './blocks.js';
import type { Bytes } from './buffers.js';
import { piecesOf } from './pieces.js';
import { Reading } from './reading.js';

/** Bytes handed on at a time; large enough to keep a disk busy. */
const defaultBlockBytes = 4 * 1024 * 1024;

/**
 * The bytes of `expr` in its own dtype, row-major, in blocks of at most `blockBytes` (default 4 MB), each of which
 * is the caller's to keep. A weighted sum is computed in fp32 and rounded once, to nearest, ties to even. Columns and
 * side-by-side concatenation hold one source row more. Throws `CHECKPOINT_NOT_FOUND` or
 * `CHECKPOINT_INVALID` if a file went away or shrank, `TENSOR_DTYPE` for a sum of integer tensors.
 */
export async function* bytesOf(
  expr: TensorExpr,
  blockBytes: number = defaultBlockBytes,
): AsyncGenerator<Bytes, void, undefined> {
  const reading = new Reading(blockBytes);
  try {
    for (const { pieces, bytes } of blocksOf(piecesOf(expr, 0, elementCount(expr.shape)), blockBytes)) {
      const block = new Uint8Array(bytes);
      await reading.fill(pieces, block);
      yield block;
    }
  } finally {
    await reading.close();
  }
}
