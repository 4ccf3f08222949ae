/**
 * How the tokens of B sequences lie in one run: packed in T rows, each token once for all sequences that share it and
 * everything before it. The rows are a tree of tokens in depth-first order.
 */
export interface Layout {
  /** Which of the caller's sequences these are. */
  readonly sequences: readonly number[];
  /** Packed token ids, [T]. */
  readonly ids: Int32Array;
  /** Position of each packed token in its sequence, [T]. */
  readonly positions: Int32Array;
  /** Row behind the last one that descends from each row, [T]: row i looks at row j where j <= i < ends[j]. */
  readonly ends: Int32Array;
  /** Number of the first sequence each row belongs to, [T]. */
  readonly owners: Int32Array;
  /** Tokens of each sequence in this run, [B]. */
  readonly lengths: Int32Array;
  /** Rows of all sequences' tokens, one sequence after the other. */
  readonly rows: Int32Array;
  /** Where each sequence begins in `rows`, [B]. */
  readonly offsets: Int32Array;
}

/** Row of token `t` of sequence number `b` of the layout. */
export const rowOf = ({ rows, offsets }: Layout, b: number, t: number): number => rows[offsets[b]! + t]!;

export type Ids = ArrayLike<number>;

export interface LayoutOptions {
  /** Whether a token is computed once for sequences beside each other that share it and all before it. */
  readonly sharePrefixes?: boolean;
  /** Positions of the first tokens, 0 by default. */
  readonly starts?: readonly number[];
}

/**
 * Lays out sequences. With `sharePrefixes` the answers to one question cost little more than the question; causal
 * attention makes that exact. Sequences that share must stand together.
 */
export function layOut(
  sequences: readonly { index: number; ids: Ids }[],
  { sharePrefixes = false, starts }: LayoutOptions = {},
): Layout {
  const lengths = Int32Array.from(sequences, ({ ids }) => ids.length);
  const offsets = new Int32Array(sequences.length);
  const rows = new Int32Array(lengths.reduce((sum, length) => sum + length, 0));
  const [ids, positions, ends, owners]: number[][] = [[], [], [], []];
  let shared = 0;
  for (const [b, sequence] of sequences.entries()) {
    const offset = b === 0 ? 0 : offsets[b - 1]! + lengths[b - 1]!;
    offsets[b] = offset;
    for (let t = 0; t < sequence.ids.length; t++) {
      if (t < shared) {
        rows[offset + t] = rows[offsets[b - 1]! + t]!;
        continue;
      }
      rows[offset + t] = ids!.push(sequence.ids[t]!) - 1;
      positions!.push((starts?.[b] ?? 0) + t);
      owners!.push(b);
    }
    const next = sequences[b + 1];
    shared = sharePrefixes && next ? commonPrefix(sequence.ids, next.ids) : 0;
    for (let t = shared; t < sequence.ids.length; t++) ends![rows[offset + t]!] = ids!.length;
  }
  return {
    sequences: sequences.map(({ index }) => index),
    ids: Int32Array.from(ids!),
    positions: Int32Array.from(positions!),
    ends: Int32Array.from(ends!),
    owners: Int32Array.from(owners!),
    lengths,
    rows,
    offsets,
  };
}

/** The length of the common prefix of two sequences. */
export function commonPrefix(a: Ids, b: Ids): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a[i] === b[i]) i++;
  return i;
}

/** The tokens of a layout as B sequences of S places. */
export interface Padding {
  /** S: tokens of the longest sequence. */
  readonly longest: number;
  /** Row at each place, [B * S]; 0 in the padding. */
  readonly pad: Int32Array;
  /** A place of each row, [T]. */
  readonly unpad: Int32Array;
}

/** The layout for devices and derivatives, whose attention does not support trees. */
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
