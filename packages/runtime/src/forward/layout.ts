/** How the tokens of B sequences lie in one run: packed in T rows, and padded to [B, S] for attention. */
export interface Layout {
  /** Which of the caller's sequences these are. */
  readonly sequences: readonly number[];
  /** Packed token ids, [T]. */
  readonly ids: Int32Array;
  /** Position of each packed token in its sequence, [T]. */
  readonly positions: Int32Array;
  /** Tokens of each sequence in this run, [B]. */
  readonly lengths: Int32Array;
  /** Packed row at each place of the padded layout, [B * S]. */
  readonly pad: Int32Array;
  /** A place in the padded layout of each packed row, [T]. */
  readonly unpad: Int32Array;
  /** S */
  readonly longest: number;
}

/** Packed row of token `t` of sequence number `b` of the layout. */
export const rowOf = (layout: Layout, b: number, t: number): number => layout.pad[b * layout.longest + t]!;

type Ids = ArrayLike<number>;

/**
 * Lays out sequences so that a token whose whole past is shared with the sequence before it is
 * computed once: the answers to one question then cost little more than the question. Causal
 * attention makes that exact. `starts` are the positions of the first tokens (0 by default).
 */
export function layOut(
  sequences: readonly { index: number; ids: Ids }[],
  options: LayoutOptions = {},
): Layout {
  const { sharePrefixes = false, starts } = options;
  const longest = Math.max(...sequences.map(({ ids }) => ids.length));
  const pad = new Int32Array(sequences.length * longest);
  const [ids, positions, unpad]: [number[], number[], number[]] = [[], [], []];
  sequences.forEach((sequence, b) => {
    const shared = sharePrefixes && b > 0 ? commonPrefix(sequences[b - 1]!.ids, sequence.ids) : 0;
    for (let t = 0; t < longest; t++) {
      const place = b * longest + t;
      if (t < shared) pad[place] = pad[place - longest]!;
      else if (t < sequence.ids.length) {
        pad[place] = ids.push(sequence.ids[t]!) - 1;
        positions.push((starts?.[b] ?? 0) + t);
        unpad.push(place);
      }
    }
  });
  return {
    sequences: sequences.map(({ index }) => index),
    ids: Int32Array.from(ids),
    positions: Int32Array.from(positions),
    lengths: Int32Array.from(sequences, (sequence) => sequence.ids.length),
    pad,
    unpad: Int32Array.from(unpad),
    longest,
  };
}

export interface LayoutOptions {
  readonly sharePrefixes?: boolean;
  readonly starts?: readonly number[];
}

export interface BatchLimits {
  /** Packed tokens of one run. */
  readonly tokens: number;
  /** Attention scores of one run, B * heads * S * S numbers. */
  readonly scores: number;
  readonly heads: number;
  /** Batches that run side by side: the tokens are spread evenly over so many, or a multiple; as they come by default. */
  readonly lanes?: number;
}

/** Enough tokens to make the conversion of the weights cheap, few enough for half a gigabyte of activations a worker. */
export const defaultLimits = { tokens: 2048, scores: 2 ** 26 } as const;

/**
 * Splits sequences into batches within the limits. Sorted by content if prefixes are shared, else
 * by length, longest first. A sequence over a limit gets a batch of its own.
 */
export function batchSequences(
  sequences: readonly Ids[],
  limits: BatchLimits,
  options: Pick<LayoutOptions, 'sharePrefixes'> = {},
): Layout[] {
  const ordered = sequences.map((ids, index) => ({ index, ids })).filter(({ ids }) => ids.length > 0);
  ordered.sort(options.sharePrefixes ? byContent : byLength);
  const added = ordered.map(({ ids }, i) => {
    const previous = options.sharePrefixes ? ordered[i - 1] : undefined;
    return ids.length - (previous ? commonPrefix(previous.ids, ids) : 0);
  });
  const most = evenly(
    added.reduce((sum, n) => sum + n, 0),
    limits,
  );
  const batches: Layout[] = [];
  let open: typeof ordered = [];
  let tokens = 0;
  let longest = 0;
  for (const [i, sequence] of ordered.entries()) {
    const { length } = sequence.ids;
    const size = Math.max(longest, length);
    const scores = (open.length + 1) * limits.heads * size * size;
    if (open.length > 0 && (tokens + added[i]! > most || scores > limits.scores)) {
      batches.push(layOut(open, options));
      open = [];
      tokens = length;
      longest = length;
    } else {
      tokens += added[i]!;
      longest = size;
    }
    open.push(sequence);
  }
  if (open.length > 0) batches.push(layOut(open, options));
  return batches;
}

/** Tokens of a batch, so that as many batches as run side by side end at about the same time. */
function evenly(total: number, { tokens, lanes }: BatchLimits): number {
  if (lanes === undefined) return tokens;
  const rounds = Math.ceil(total / (tokens * lanes));
  return Math.ceil(total / (rounds * lanes));
}

function commonPrefix(a: Ids, b: Ids): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a[i] === b[i]) i++;
  return i;
}

function byContent(a: { ids: Ids }, b: { ids: Ids }): number {
  const i = commonPrefix(a.ids, b.ids);
  return (a.ids[i] ?? -1) - (b.ids[i] ?? -1);
}

function byLength(a: { ids: Ids; index: number }, b: { ids: Ids; index: number }): number {
  return b.ids.length - a.ids.length || a.index - b.index;
}
