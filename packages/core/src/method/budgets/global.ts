import { z } from 'zod';
import { type Budget, cheapestSteps, totalSteps } from './budget.js';

const options = z.strictObject({
  /** Share of a layer's experts that stay at least, beside those that its router needs. */
  floor: z.number().min(0).max(1).default(0),
  /** Whether scores are divided by the mean of their layer first: for scores that grow with depth, as norms do. */
  relative: z.boolean().default(false),
});

/**
 * One ranking over all layers: as many experts as a uniform budget would drop, the lowest of the model. A layer keeps at least
 * `floor` of its experts, and as many as its router selects.
 */
export const globalRanking: Budget<z.infer<typeof options>> = {
  specVersion: 1,
  name: 'global',
  title: 'The lowest experts of the whole model go',
  reference: 'He et al., arXiv:2406.02500, global expert drop',
  options,
  isUniform: false,
  allot({ layers, options: { floor, relative } }) {
    const costs = layers.map(({ costs: own, scores, step, most }) => {
      const steps = scores.length / step;
      const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
      const unit = relative && mean > 0 ? mean : 1;
      return [...own.subarray(0, Math.min(most, Math.floor((1 - floor) * steps)))].map((cost) => cost / unit);
    });
    return cheapestSteps(costs, totalSteps(layers)).map((steps) => ({ steps }));
  },
};
