import { z } from 'zod';
import type { Budget, BudgetLayer } from './budget.js';
import { checkSharesOfScores } from './check-scores.js';

/**
 * For several calibration sets, such as one of each domain: in every layer the set of which least is kept so far chooses the next
 * expert to stay, its best that is not kept yet. What is kept of a set is the share of the scores measured on it, so that the
 * smallest of these shares is raised step by step, a greedy solution of max min. Every layer loses the same number of experts.
 * Of equal sets the first chooses. Throws `OPTIONS_INVALID` for negative scores.
 */
export const maxMin: Budget = {
  specVersion: 1,
  name: 'max-min',
  title: 'Experts are kept for the calibration set that would lose most',
  reference: 'after arXiv:2607.01710, round-robin protection of corpora',
  options: z.strictObject({}),
  isUniform: true,
  comparesSets: true,
  allot({ layers }) {
    checkSharesOfScores('max-min', layers);
    return layers.map((layer) => ({ steps: Math.min(layer.share, layer.most), scores: turns(layer) }));
  },
};

/** One number for each expert: the higher, the earlier some set chose it. */
function turns({ scores, scoresBySet }: BudgetLayer): Float64Array {
  const shares = scoresBySet.map((own) => {
    const total = own.reduce((sum, score) => sum + score, 0);
    return total > 0 ? own.map((score) => score / total) : own.map(() => 1 / own.length);
  });
  const order = shares.map((own) => [...own.keys()].sort((a, b) => own[b]! - own[a]! || a - b));
  const kept = shares.map(() => 0);
  const rank = new Float64Array(scores.length).fill(-1);
  for (let left = scores.length; left > 0; left--) {
    const next = kept.indexOf(Math.min(...kept));
    const expert = order[next]!.find((candidate) => rank[candidate]! < 0)!;
    rank[expert] = left;
    for (const [set, own] of shares.entries()) kept[set]! += own[expert]!;
  }
  return rank;
}
