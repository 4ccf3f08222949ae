import { dense, grouped, plain, shared } from './attention-toys.js';
import { channelwise, convolution, mamba, recurrent } from './recurrent-toys.js';

/** Toy models by what is special about them. */
export const toyKinds = {
  plain,
  shared,
  grouped,
  recurrent,
  channelwise,
  mamba,
  convolution,
  dense,
} as const;
