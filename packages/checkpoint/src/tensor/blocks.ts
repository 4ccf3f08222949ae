import { bytesIn, type Piece, sizeOf, widthOf } from './pieces.js';

/** Pieces that are read into one buffer and handed on together. */
export interface Block {
  readonly pieces: readonly Piece[];
  readonly bytes: number;
}

/**
 * Pieces in blocks of at most `most` bytes (but of one element at least): small ones share a block, large ones are
 * cut. What is computed is cut between rows, if a row fits at all, because half a row costs as much as a whole one.
 */
export function* blocksOf(pieces: Iterable<Piece>, most: number): Generator<Block, void, undefined> {
  let block: Piece[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    let rest = piece;
    while (rest.begin < rest.end) {
      const end = cut(rest, most - bytes, bytes === 0);
      if (end > rest.begin) {
        const part = { ...rest, end };
        block.push(part);
        bytes += bytesIn(part);
        rest = { ...rest, begin: end };
      }
      if (rest.begin < rest.end) {
        yield { pieces: block, bytes };
        [block, bytes] = [[], 0];
      }
    }
  }
  if (bytes > 0) yield { pieces: block, bytes };
}

/** Where to end what goes into `room` bytes; `begin` if it is to wait for the next block, which an empty one may not. */
function cut({ of, begin, end }: Piece, room: number, isEmpty: boolean): number {
  const fits = Math.floor(room / sizeOf(of));
  if (fits >= end - begin) return end;
  if (of.kind !== 'stored' && of.kind !== 'zeros') {
    const width = widthOf(of);
    const row = Math.floor((begin + fits) / width) * width;
    if (row > begin) return row;
    if (!isEmpty) return begin;
  }
  return begin + (isEmpty ? Math.max(1, fits) : fits);
}
