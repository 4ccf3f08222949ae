import { elementCount, type TensorExpr } from '@moepress/core/tensor';
import { type Block, blocksOf, type Piece, piecesOf } from '../tensor/pieces.js';
import { pageBytes } from './block-writer.js';

/** Neighbours in a file that are made of expressions: what lies side by side is one stretch, whatever tensors it belongs to. */
export interface Stretch {
  /** Offset in the file. */
  readonly position: number;
  readonly bytes: number;
  readonly of: readonly TensorExpr[];
}

/** Bytes that can be written by themselves, maybe of several tensors. */
export interface Job extends Block {
  /** Offset in the file. */
  readonly position: number;
}

/**
 * What has to be done for stretches, in the order of the file: blocks of at most `blockBytes`, that end with pages of the
 * file where they can.
 */
export function* jobsOf(stretches: readonly Stretch[], blockBytes: number): Generator<Job, void, undefined> {
  for (const { of, position: start } of stretches) {
    let position = start;
    const first = blockBytes > pageBytes ? blockBytes - (start % pageBytes) : blockBytes;
    for (const block of blocksOf(piecesOfAll(of), blockBytes, first)) {
      yield { ...block, position };
      position += block.bytes;
    }
  }
}

function* piecesOfAll(of: readonly TensorExpr[]): Generator<Piece> {
  for (const expr of of) yield* piecesOf(expr, 0, elementCount(expr.shape));
}
