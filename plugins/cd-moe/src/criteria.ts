import type { Criterion, Value } from '@moepress/core';
import {
  add,
  cast,
  div,
  log,
  mul,
  plusNumber,
  reduceL2,
  reduceSum,
  softmax,
  sub,
  timesNumber,
} from '@moepress/graph';

/** Added to every probability before its logarithm (arXiv:2412.00069, released code). */
const epsilon = 1e-10;

/**
 * Jensen-Shannon divergence of the softmaxes over a token's hidden units: with p and q those plus epsilon
 * and m their mean, (KL(p || m) + KL(q || m)) / 2 in nats (arXiv:2412.00069, released code). As
 * (p ln p + q ln q) / 2 - m ln m it takes two logarithms a unit, and terms cancel unit by unit.
 */
const jensenShannon: Criterion = {
  name: 'jensen-shannon',
  distanceFrom(_, reference) {
    const p = probabilities(reference);
    const ofReference = mul(p, log(p));
    return (candidate) => {
      const q = probabilities(candidate);
      const sum = add(p, q);
      const ofMean = mul(sum, log(timesNumber(sum, 0.5)));
      const twice = sub(add(ofReference, mul(q, log(q))), ofMean);
      return timesNumber(cast(reduceSum(twice, [1]), 'float64'), 0.5);
    };
  },
};

const probabilities = (states: Value): Value => plusNumber(softmax(states), epsilon);

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
