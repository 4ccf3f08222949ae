import type { Scorer } from '@moepress/core';
import { weightGradientMagnitude } from '@moepress/graph';

/**
 * Sum over an expert's channels of the mean absolute gradient of their weights: what fisher-moe ranks
 * channels by, taken expert by expert, so that the two differ in nothing but what they remove
 * (the expert-level baseline of arXiv:2606.05538).
 */
export const expertFisher: Scorer = {
  name: 'expert-fisher',
  title: 'Expert dropping by the gradients of the weights',
  reference: 'arXiv:2606.05538, expert-level baseline',
  unit: 'expert',
  needs: [weightGradientMagnitude],
  score(layer, { ffn }) {
    const channels = layer.read(weightGradientMagnitude, 'sum');
    const row = channels.length / ffn.pool.length;
    return Float64Array.from(ffn.pool, (_, e) =>
      channels.subarray(e * row, (e + 1) * row).reduce((sum, score) => sum + score, 0),
    );
  },
};
