import { means, type Scorer } from '@moepress/core';
import { expertHits, gatedOutputNorms, weightGradientMagnitude } from '@moepress/graph';

/** A random ranking: the floor every method must beat. It varies widely between seeds, so try several. */
export const random: Scorer = {
  name: 'random',
  title: 'Random expert dropping',
  reference: 'folklore',
  needs: [],
  score: (_, { ffn, rng }) => Float64Array.from(rng.permutation(ffn.pool.length)),
};

/** Tokens routed to the expert: n_e = |D_e|. */
export const frequency: Scorer = {
  name: 'frequency',
  title: 'Frequency-based expert dropping',
  reference: 'folklore; the Frequency baseline of arXiv:2510.13999',
  needs: [expertHits],
  score: (layer) => layer.read(expertHits, 'count'),
};

/**
 * Router-weighted expert activation: the mean over the tokens routed to the expert of g ||f(x)||_2, with
 * g the weight the forward pass uses and f the expert's output before it; 0 for an expert without tokens
 * (arXiv:2510.13999).
 */
export const reap: Scorer = {
  name: 'reap',
  title: 'REAP: router-weighted expert activation pruning',
  reference: 'arXiv:2510.13999',
  needs: [expertHits, gatedOutputNorms],
  score: (layer) => means(layer.read(gatedOutputNorms, 'sum'), layer.read(expertHits, 'count')),
};

/**
 * Sum over an expert's channels of the mean absolute gradient of their weights: what fisher-moe ranks
 * channels by, taken expert by expert, so that the two differ in nothing but what they remove
 * (the expert-level baseline of arXiv:2606.05538).
 */
export const expertFisher: Scorer = {
  name: 'expert-fisher',
  title: 'Expert dropping by the gradients of the weights',
  reference: 'arXiv:2606.05538, expert-level baseline',
  needs: [weightGradientMagnitude],
  score(layer, { ffn }) {
    const channels = layer.read(weightGradientMagnitude, 'sum');
    const row = channels.length / ffn.pool.length;
    return Float64Array.from(ffn.pool, (_, e) =>
      channels.subarray(e * row, (e + 1) * row).reduce((sum, score) => sum + score, 0),
    );
  },
};
