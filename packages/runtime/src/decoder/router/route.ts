import type { MoeFfn, Router, Value } from '@moepress/core';
import {
  cast,
  clip,
  div,
  equal,
  gather,
  gatherElements,
  greater,
  linear,
  mul,
  plusNumber,
  reduceSum,
  scatterAdd,
  sigmoid,
  softmax,
  timesNumber,
  topK,
  transpose,
  zeroRows,
} from '@moepress/graph';
import { weightFor } from '../weights.js';
import { type Selection, selectSlots } from './select.js';
import { sparseMixer } from './sparse-mixer.js';

/** Which experts each of T tokens goes to. N slots, k chosen, P experts in the pool. */
export interface Routing {
  /** [N, H] */
  readonly weight: Value;
  /** [T, N] */
  readonly logits: Value;
  /** Scores of all slots, [T, N]. */
  readonly probabilities: Value;
  /** Slots, int64 [T, k], by descending weight. */
  readonly selected: Value;
  /** [T, k] */
  readonly weights: Value;
  /** [T]: above zero where a token has chosen pool expert e. */
  hits(expert: number): Value;
  /** bool []: whether any token has chosen it. */
  isChosen(expert: number): Value;
  /** [T]: routing weight of pool expert e, the sum over slots that share it. */
  weightsOf(expert: number): Value;
}

/** Keeps a sum of sigmoids from being zero (transformers' DeepSeek-V3); too small to be seen beside one of a softmax. */
const leastAdded = 1e-20;

/** No sum of scores is as large. */
const beyondSums = 1e30;

/**
 * Scores all slots, selects k of them, and makes weights of their scores. What follows the scores is left to the
 * processor: few numbers, in operators that accelerators lack.
 */
export function route(x: Value, ffn: MoeFfn): Routing {
  const { router } = ffn;
  const { graph } = x;
  const weight = weightFor(x, router.weight);
  const seen = seenBy(x, router);
  const logits = graph.exactly(() => linear(seen, weight, router.bias && weightFor(x, router.bias)));
  const probabilities = router.scoring === 'softmax' ? softmax(logits) : sigmoid(logits);
  const chosen = graph.onHost(() => choose(logits, probabilities, ffn));
  return { weight, logits, probabilities, ...chosen };
}

/** What the router sees of x [T, H]. */
function seenBy(x: Value, { input }: Router): Value {
  return input ? timesNumber(mul(x, weightFor(x, input.scale)), input.factor) : x;
}

/** [T, 1] */
function sumOf(scores: Value, { leastSum, addedToSum = leastAdded }: Router): Value {
  const sum = reduceSum(scores, [1], true);
  return leastSum === undefined ? plusNumber(sum, addedToSum) : clip(sum, leastSum, beyondSums);
}

/** The weights of chosen slots, by descending weight. */
function weighed({ selected, scores }: Selection, router: Router): Selection {
  const shares = router.normalise ? div(scores, sumOf(scores, router)) : scores;
  const weights = router.scale === 1 ? shares : timesNumber(shares, router.scale);
  if (!router.slotScales) return { selected, scores: weights };
  const scaled = mul(weights, gather(weightFor(weights, router.slotScales), selected));
  const { values, indices } = topK(scaled, router.topK);
  return { selected: gatherElements(selected, indices, 1), scores: values };
}

function choose(
  logits: Value,
  probabilities: Value,
  { router, slots, pool }: MoeFfn,
): Omit<Routing, 'weight' | 'logits' | 'probabilities'> {
  const { graph } = probabilities;
  const chosen =
    router.mixerThreshold === undefined
      ? selectSlots(probabilities, router)
      : sparseMixer(logits, router.mixerThreshold);
  const { selected, scores: weights } = weighed(chosen, router);

  const identity = slots.every((expert, slot) => expert === slot);
  const experts = identity ? selected : gather(graph.constant(slots, [slots.length], 'int64'), selected);
  const perExpert = (updates: Value) =>
    transpose(scatterAdd(zeroRows(updates, pool.length), experts, updates, 1), [1, 0]);
  // A weight may underflow to zero, so hits are counted apart from weights.
  const hits = perExpert(cast(equal(selected, selected), 'float32'));
  const isUsed = greater(reduceSum(hits, [1]), graph.constant([0], [1], hits.dtype));
  const poolWeights = perExpert(weights);
  const row = (matrix: Value, e: number) => gather(matrix, graph.constant([e], [], 'int64'));
  return {
    selected,
    weights,
    hits: (e) => graph.onHost(() => row(hits, e)),
    isChosen: (e) => row(isUsed, e),
    weightsOf: (e) => row(poolWeights, e),
  };
}
