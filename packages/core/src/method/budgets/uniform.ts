import { z } from 'zod';
import type { Budget } from './budget.js';

/** Every layer loses the same share: floor(ratio * experts) of its experts, or of those of each group. */
export const uniform: Budget = {
  specVersion: 1,
  name: 'uniform',
  title: 'Every layer loses the same share',
  reference: 'common practice',
  options: z.strictObject({}),
  isUniform: true,
  allot: ({ layers }) => layers.map(({ share, most }) => ({ steps: Math.min(share, most) })),
};
