import { type MoeFfn, means, type Scorer } from '@moepress/core';
import { expertHits, gatedOutputNorms, probabilitySums, squaredNormsOnAllTokens } from '@moepress/graph';

const reference = 'arXiv:2605.28207';

/** Values of slots added up over those of each expert: one number for each of the pool. */
function perExpert({ slots, pool }: MoeFfn, values: Float64Array): Float64Array {
  const sums = new Float64Array(pool.length);
  for (const [slot, expert] of slots.entries()) sums[expert]! += values[slot]!;
  return sums;
}

/** n_e, the tokens routed to the expert. */
const selectionFrequency: Scorer = {
  name: 'sf',
  title: 'Selection frequency',
  reference,
  needs: [expertHits],
  score: (layer) => layer.read(expertHits, 'count'),
};

/** Sum over all tokens of p_e, the score before the selection; means rank alike. */
const preSelectionProbability: Scorer = {
  name: 'pp',
  title: 'Pre-selection probability',
  reference,
  needs: [probabilitySums],
  score: (layer, { ffn }) => perExpert(ffn, layer.read(probabilitySums, 'all')),
};

/** Mean of p_e over the tokens routed to e (equation 3); 0 for an expert without tokens. */
const conditionalProbability: Scorer = {
  name: 'cp',
  title: 'Conditional probability',
  reference,
  needs: [probabilitySums, expertHits],
  score: (layer, { ffn }) =>
    means(perExpert(ffn, layer.read(probabilitySums, 'selected')), layer.read(expertHits, 'count')),
};

/** Root of the sum of ||f_e(x)||_2 squared over all tokens, routed or not; root means rank alike. */
const outputNorm: Scorer = {
  name: 'output-norm',
  title: 'Length of the output on all tokens',
  reference: 'ours',
  needs: [squaredNormsOnAllTokens],
  score: (layer) => layer.read(squaredNormsOnAllTokens, 'sum').map(Math.sqrt),
};

/** CP times the root mean of ||f_e(x)||_2 squared over all tokens (the sum ranks alike). */
const activationWeighted: Scorer = {
  name: 'acp',
  title: 'Activation-weighted conditional probability',
  reference,
  needs: [...conditionalProbability.needs, ...outputNorm.needs],
  score(layer, context) {
    const lengths = outputNorm.score(layer, context);
    return conditionalProbability.score(layer, context).map((probability, e) => probability * lengths[e]!);
  },
};

/** Mean of g ||f(x)||_2 over the tokens routed to the expert, as in expert dropping. */
const reap: Scorer = {
  name: 'reap',
  title: 'Router-weighted expert activation',
  reference: 'arXiv:2510.13999',
  needs: [gatedOutputNorms, expertHits],
  score: (layer) => means(layer.read(gatedOutputNorms, 'sum'), layer.read(expertHits, 'count')),
};

/** The scores by which single experts can be ranked. */
export const scorers = {
  sf: selectionFrequency,
  pp: preSelectionProbability,
  cp: conditionalProbability,
  acp: activationWeighted,
  reap,
  'output-norm': outputNorm,
} as const satisfies Record<string, Scorer>;
