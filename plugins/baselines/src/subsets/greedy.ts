import type { RunsOfLayer } from './droppable-runs.js';

/**
 * Experts leave one by one, of each run in turn: each time the one that adds least to the squared length of what is missing,
 * Σ M[d, d'] over the experts that have left, with M [pool, pool] the Gram matrix of weighted outputs. Of equal experts the one
 * with the higher index leaves first.
 */
export function dropGreedily(
  { block: { ffn }, runs, leaving }: Pick<RunsOfLayer, 'block' | 'runs' | 'leaving'>,
  gram: Float64Array,
): Set<number> {
  const n = ffn.pool.length;
  const gone = new Set<number>();
  // Twice the inner product of each expert with what is missing.
  const shared = new Float64Array(n);
  const added = (expert: number) => gram[expert * n + expert]! + shared[expert]!;
  for (let step = 0; step < leaving; step++) {
    for (const run of runs) {
      const left = run.filter((expert) => !gone.has(expert));
      const next = left.reduce((best, expert) => (added(expert) <= added(best) ? expert : best));
      gone.add(next);
      for (let e = 0; e < n; e++) shared[e]! += 2 * gram[next * n + e]!;
    }
  }
  return gone;
}
