import type { Scorer } from '@moepress/core';
import { expertHits, gatedOutputNorms } from '@moepress/graph';

/** A random ranking: the floor every method must beat. It varies widely between seeds, so try several. */
export const random: Scorer = {
  name: 'random',
  title: 'Random expert dropping',
  reference: 'folklore',
  unit: 'expert',
  needs: [],
  score: (_, { ffn, rng }) => Float64Array.from(rng.permutation(ffn.pool.length)),
};

/** Tokens routed to the expert: n_e = |D_e|. */
export const frequency: Scorer = {
  name: 'frequency',
  title: 'Frequency-based expert dropping',
  reference: 'folklore; the Frequency baseline of arXiv:2510.13999',
  unit: 'expert',
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
  unit: 'expert',
  needs: [expertHits, gatedOutputNorms],
  score(layer) {
    const counts = layer.read(expertHits, 'count');
    return layer.read(gatedOutputNorms, 'sum').map((sum, e) => (counts[e]! > 0 ? sum / counts[e]! : 0));
  },
};
