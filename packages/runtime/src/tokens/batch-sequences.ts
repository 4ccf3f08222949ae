import type { BatchLimits } from '../devices/batch-limits.js';
import { commonPrefix, type Ids, type Layout, type LayoutOptions, layOut } from './token-layout.js';

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

/** Tokens per batch, chosen so that batches that run in parallel end at about the same time. */
export function evenly(total: number, { tokens, lanes }: Pick<BatchLimits, 'tokens' | 'lanes'>): number {
  if (lanes === undefined) return tokens;
  const rounds = Math.ceil(total / (tokens * lanes));
  return Math.ceil(total / (rounds * lanes));
}

export function byContent(a: { ids: Ids }, b: { ids: Ids }): number {
  const i = commonPrefix(a.ids, b.ids);
  return (a.ids[i] ?? -1) - (b.ids[i] ?? -1);
}

function byLength(a: { ids: Ids; index: number }, b: { ids: Ids; index: number }): number {
  return b.ids.length - a.ids.length || a.index - b.index;
}
