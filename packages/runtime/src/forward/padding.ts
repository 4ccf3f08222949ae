import type { Layout } from './layout.js';

/** The tokens of a layout as B sequences of S places. */
export interface Padding {
  /** S: tokens of the longest sequence. */
  readonly longest: number;
  /** Row at each place, [B * S]; 0 in the padding. */
  readonly pad: Int32Array;
  /** A place of each row, [T]. */
  readonly unpad: Int32Array;
}

/** For devices and derivatives, whose attention knows no trees. */
export function paddingOf({ ids, lengths, rows, offsets }: Layout): Padding {
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const pad = new Int32Array(lengths.length * longest);
  const unpad = new Int32Array(ids.length);
  // Backwards, so that of several places the first one stays.
  for (let b = lengths.length - 1; b >= 0; b--) {
    for (let t = 0; t < lengths[b]!; t++) {
      const row = rows[offsets[b]! + t]!;
      pad[b * longest + t] = row;
      unpad[row] = b * longest + t;
    }
  }
  return { longest, pad, unpad };
}
