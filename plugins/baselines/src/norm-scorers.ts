import { means, type Scorer } from '@moepress/core';
import { expertHits, gateWeightSums, outputNorms, squaredOutputNorms } from '@moepress/graph';

/*
 * Scores of the family S(b, a, B) = n^-b Σ g^a ||f(x)||_2^B over the n tokens routed to an expert (arXiv:2606.15716, which
 * brings the older ones into this form): g is the weight that the forward pass multiplies with, f(x) [H] the expert's output
 * before it. An expert without tokens scores 0. Frequency is S(0, 0, 0) and REAP S(1, 1, 1). All scores have one entry for
 * each expert of the pool, in the units of the layer's output or its square.
 */

/** S(0, 1, 0): the sum of an expert's routing weights, called the soft count (SEER-MoE, arXiv:2404.05089). */
export const seer: Scorer = {
  name: 'seer',
  title: 'SEER-MoE: expert dropping by the sum of routing weights',
  reference: 'arXiv:2404.05089',
  needs: [gateWeightSums],
  score: (layer) => layer.read(gateWeightSums, 'sum'),
};

/** S(0, 0, 1): the sum of the norms of an expert's outputs (Finding Fantastic Experts, arXiv:2504.05586). */
export const ean: Scorer = {
  name: 'ean',
  title: 'EAN: expert dropping by the sum of output norms',
  reference: 'arXiv:2504.05586',
  needs: [outputNorms],
  score: (layer) => layer.read(outputNorms, 'sum'),
};

/** S(1, 0, 1): the mean norm of an expert's outputs. */
export const man: Scorer = {
  name: 'man',
  title: 'MAN: expert dropping by the mean output norm',
  reference: 'arXiv:2606.15716',
  needs: [expertHits, outputNorms],
  score: (layer) => means(layer.read(outputNorms, 'sum'), layer.read(expertHits, 'count')),
};

/** S(1, 0, 2): the mean squared norm of an expert's outputs. */
export const msan: Scorer = {
  name: 'msan',
  title: 'MSAN: expert dropping by the mean squared output norm',
  reference: 'arXiv:2606.15716',
  needs: [expertHits, squaredOutputNorms],
  score: (layer) => means(layer.read(squaredOutputNorms, 'sum'), layer.read(expertHits, 'count')),
};

/**
 * S(1, 2, 2): REAP with squared norms, the mean of (g ||f(x)||_2)^2. It is the squared error that a token routed to the expert
 * suffers if the expert's part of the layer's output is left out and nothing takes its place.
 */
export const reapL2: Scorer = {
  name: 'reap-l2',
  title: 'REAP with squared norms',
  reference: 'after arXiv:2510.13999',
  needs: [expertHits, squaredOutputNorms],
  score: (layer) => means(layer.read(squaredOutputNorms, 'gated'), layer.read(expertHits, 'count')),
};
