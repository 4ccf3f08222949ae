import type { Criterion, Value } from '@moepress/core';
import {
  add,
  cast,
  clip,
  div,
  exp,
  log,
  logSoftmax,
  mul,
  plusNumber,
  reduceL2,
  reduceSum,
  sub,
  timesNumber,
} from '@moepress/graph';

/** Added to every probability (arXiv:2412.00069, released code). */
const epsilon = 1e-10;

/**
 * Jensen-Shannon divergence of the softmaxes over a token's hidden units: with p and q those plus epsilon
 * and m their mean, (KL(p || m) + KL(q || m)) / 2 in nats (arXiv:2412.00069, released code). Computed as
 * (p ln p + q ln q) / 2 - m ln m, where terms cancel unit by unit.
 */
const jensenShannon: Criterion = {
  name: 'jensen-shannon',
  distanceFrom(_, reference) {
    const [p, ofP] = probabilities(reference);
    const ofReference = plusNumber(ofP, 2 * epsilon);
    return (candidate) => {
      const [q, ofQ] = probabilities(candidate);
      const sum = add(p, q);
      const ofMean = mul(sum, log(timesNumber(sum, 0.5)));
      const twice = sub(add(ofReference, ofQ), ofMean);
      return timesNumber(cast(reduceSum(twice, [1]), 'float64'), 0.5);
    };
  },
};

/**
 * p, which is a softmax plus epsilon, and p ln p - epsilon. A logarithm is what a search spends most on, so
 * that of the softmax serves here: p ln p = p ln(p - epsilon) + epsilon up to epsilon²/p, and nowhere is a
 * term off by more than epsilon, which fp32 would not show.
 */
function probabilities(states: Value): readonly [Value, Value] {
  const logs = logSoftmax(states);
  const p = plusNumber(exp(logs), epsilon);
  return [p, mul(p, clip(logs, Math.log(epsilon), 0))];
}

/** Length of the difference over that of the reference. */
const relativeL2: Criterion = {
  name: 'relative-l2',
  distanceFrom(_, reference) {
    const length = cast(reduceL2(reference, [1]), 'float64');
    return (candidate) => div(cast(reduceL2(sub(candidate, reference), [1]), 'float64'), length);
  },
};

export const criteria = { 'jensen-shannon': jensenShannon, 'relative-l2': relativeL2 };
export type CriterionName = keyof typeof criteria;
