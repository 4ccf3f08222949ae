import type { Statistic } from '@moepress/core';
import { sequenceMaskFisher, tokenMaskFisher, weightFisher, weightGradientMagnitude } from '@moepress/graph';

/** A score per channel. */
export interface ChannelScorer {
  readonly name: string;
  readonly title: string;
  /** The source of the score. */
  readonly reference: string;
  /**
   * Its output `sum` are the scores, [pool, widest expert], the rows of narrower experts ending in zeros: sums over
   * the calibration sequences, whose means rank alike.
   */
  readonly statistic: Statistic;
}

/**
 * How a channel j may be ranked. G is the gradient of the mean token cross-entropy of one sequence, H the
 * hidden size; row j of gate and up and column j of down are the channel's 3 H weights.
 */
export const scorers = {
  /** Sum over the 3 H weights of |G| / 3 H: the score of the published results. */
  'grad-abs': {
    name: 'grad-abs',
    title: "Mean absolute gradient of a channel's weights",
    reference: 'released code of arXiv:2606.05538',
    statistic: weightGradientMagnitude,
  },
  /** Sum over the 3 H weights of G^2 / H (equation 5). */
  'fisher-squared': {
    name: 'fisher-squared',
    title: "Empirical Fisher information of a channel's weights",
    reference: 'arXiv:2606.05538',
    statistic: weightFisher,
  },
  /** (dL/da_j * a_j)^2 for the activation a_j of every token: unchanged when weights of a channel are rescaled. */
  'mask-fisher-token': {
    name: 'mask-fisher-token',
    title: "Empirical Fisher information of a channel's mask, token by token",
    reference: 'after arXiv:2204.09656',
    statistic: tokenMaskFisher,
  },
  /** The same squared after the sum over a sequence's tokens, which is <W_down[:, j], G_down[:, j]>. */
  'mask-fisher-sequence': {
    name: 'mask-fisher-sequence',
    title: "Empirical Fisher information of a channel's mask, sequence by sequence",
    reference: 'arXiv:2204.09656',
    statistic: sequenceMaskFisher,
  },
} as const satisfies Record<string, ChannelScorer>;

export type ScoreName = keyof typeof scorers;
