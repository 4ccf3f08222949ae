import type { Layout } from './token-layout.js';

/** Tokens whose share of the state of a recurrence is worked out together; a power of two. */
export const chunkLength = 64;

/** The same where every pair of tokens takes as many numbers as a head has channels. */
export const shortChunkLength = 16;

/** Names of the axes of chunks and of the tokens in one, of at most so many. */
export const chunkAxes = (most: number): readonly [chunks: string, chunk: string] => [
  `chunks.${most}`,
  `chunk.${most}`,
];

/** The tokens of a layout, of which no two sequences share any, as G chunks of C places of B sequences each. */
export interface Chunks {
  /** G, B and C. */
  readonly sizes: readonly [chunks: number, sequences: number, length: number];
  /** Place of each row among the G * B * C, [T]. */
  readonly places: Int32Array;
  /** Row of each place, [G * B * C]; 0 where there is no token. */
  readonly taken: Int32Array;
  /** Tokens before each row in its sequence, [T]. */
  readonly within: Int32Array;
}

/** `most`: tokens of a chunk, at most. */
export function chunksOf({ ids, lengths, offsets, rows }: Layout, most = chunkLength): Chunks {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 1);
  const length = Math.min(most, longest);
  const sequences = lengths.length;
  const chunks = Math.ceil(longest / length);
  const [places, within] = [new Int32Array(ids.length), new Int32Array(ids.length)];
  const taken = new Int32Array(chunks * sequences * length);
  for (const [b, count] of lengths.entries()) {
    for (let t = 0; t < count; t++) {
      const row = rows[offsets[b]! + t]!;
      within[row] = t;
      places[row] = (Math.floor(t / length) * sequences + b) * length + (t % length);
      taken[places[row]] = row;
    }
  }
  return { sizes: [chunks, sequences, length], places, taken, within };
}

/** Rows of the last `count` tokens of each sequence, counted from one, [B * count]; 0 where a sequence has fewer. */
export function tailsOf({ lengths, offsets, rows }: Layout, count: number): Int32Array {
  return Int32Array.from({ length: lengths.length * count }, (_, i) => {
    const b = Math.floor(i / count);
    const t = lengths[b]! - count + (i % count);
    return t < 0 ? 0 : rows[offsets[b]! + t]! + 1;
  });
}
