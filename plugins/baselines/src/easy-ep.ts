import type { ExpertStatistic, Scorer, Value } from '@moepress/core';
import {
  add,
  cast,
  div,
  gather,
  mul,
  neg,
  perExpert,
  plusNumber,
  reduceL2,
  reduceSum,
  relu,
  sumOverTokens,
} from '@moepress/graph';

/** Keeps the cosine of a state of zeros from being 0 / 0; a product of norms is never as small otherwise. */
const least = 1e-30;

/**
 * `sum` [pool]: c g ||f(x)||_2 over the tokens routed to each expert, with c = max(0, 1 - cos(h, h + y)) for the hidden state h
 * [H] that the layer's output is added to, and y [H], the weighted sum of the routed experts.
 */
const contributionWeightedNorms: ExpertStatistic = {
  name: 'contribution-weighted-norms',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => {
    const contribution = oneMinusCosine(taps.residual!, taps.routedOutput);
    return {
      sum: perExpert(taps, ({ tokens, weight, output }) =>
        sumOverTokens(mul(gather(contribution, tokens), cast(mul(weight, reduceL2(output, [1])), 'float64'))),
      ),
    };
  },
};

/** 1 - cos(h, h + y) by row of h and y [T, H], not below 0: float64 [T]. In double precision, as cosines are close to 1. */
function oneMinusCosine(before: Value, change: Value): Value {
  const [h, y] = [cast(before, 'float64'), cast(change, 'float64')];
  const after = add(h, y);
  const norms = plusNumber(mul(reduceL2(h, [1]), reduceL2(after, [1])), least);
  return relu(plusNumber(neg(div(reduceSum(mul(h, after), [1]), norms)), 1));
}

/**
 * EASY-EP (arXiv:2504.06792): the sum over an expert's tokens of routing weight times output norm, each token weighted by how
 * far the routed experts turn its hidden state (`contributionWeightedNorms`). The paper measures on a few demonstrations of one
 * domain and leaves the shared expert out of that comparison, which the released code does and so do we.
 */
export const easyEp: Scorer = {
  name: 'easy-ep',
  title: 'EASY-EP: expert dropping by outputs weighted with what tokens gain from them',
  reference: 'arXiv:2504.06792',
  needs: [contributionWeightedNorms],
  score: (layer) => layer.read(contributionWeightedNorms, 'sum'),
};
