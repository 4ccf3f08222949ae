import { z } from 'zod';
import { type Budget, type BudgetLayer, cheapestSteps, totalSteps } from './budget.js';
import { checkSharesOfScores } from './check-scores.js';

const options = z.strictObject({
  /**
   * The share of its score that every layer keeps at least. Without it the share is the largest with which the ratio is met.
   */
  share: z.number().min(0).max(1).optional(),
});

/**
 * The smallest set of experts that keeps a share of a layer's score, in every layer the same share: a layer whose score lies on
 * few experts loses more of them. Throws `OPTIONS_INVALID` for negative scores. With a ratio as many experts go in all as by a
 * uniform budget, those whose layers keep most without them.
 */
export const coverage: Budget<z.infer<typeof options>> = {
  specVersion: 1,
  name: 'coverage',
  title: 'Every layer keeps the same share of its score, by as few experts as it takes',
  reference: 'after arXiv:2606.18304, coverage of channels',
  options,
  isUniform: false,
  setsSize: ({ share }) => share !== undefined,
  allot({ layers, options: { share } }) {
    checkSharesOfScores('coverage', layers);
    const losses = layers.map(lossesOf);
    if (share === undefined) {
      return cheapestSteps(losses, totalSteps(layers)).map((steps) => ({ steps }));
    }
    // Rounding must not keep an expert whose layer has exactly the share without it.
    const most = 1 - share + 1e-12;
    return losses.map((own) => ({ steps: own.filter((loss) => loss <= most).length }));
  },
};

/** The share of the layer's score that is gone after each step. */
function lossesOf({ costs, scores, most }: BudgetLayer): number[] {
  const total = scores.reduce((sum, score) => sum + score, 0);
  let gone = 0;
  return [...costs.subarray(0, most)].map((cost) => {
    gone += cost;
    return total > 0 ? gone / total : 0;
  });
}
