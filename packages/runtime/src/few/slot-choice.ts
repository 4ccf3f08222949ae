import type { Router, RouterGroups } from '@moepress/core';
import { sigmoid, softmax } from './vectors.js';

/** Numbers of a router: those of its small tensors. */
export interface RouterVectors {
  readonly selectionBias: Float32Array | null;
  readonly slotScales: Float32Array | null;
}

/** A slot that a token has chosen, and its weight. */
export interface ChosenSlot {
  readonly slot: number;
  readonly weight: number;
}

/** As in the graph, see `route`. */
const [leastAdded, beyondSums] = [1e-20, 1e30];

/** The slots that a token with these logits goes to, which are written over. See `Router`. */
export function chooseSlots(logits: Float32Array, router: Router, vectors: RouterVectors): ChosenSlot[] {
  const chosen =
    router.mixerThreshold === undefined
      ? bestSlots(logits, router, vectors)
      : mixedSlots(logits, router.mixerThreshold);
  const shares = router.normalise ? chosen.map(({ weight }) => weight / sumOf(chosen, router)) : null;
  return chosen.map(({ slot, weight }, i) => ({
    slot,
    weight: (shares ? shares[i]! : weight) * router.scale * (vectors.slotScales?.[slot] ?? 1),
  }));
}

function sumOf(chosen: readonly ChosenSlot[], { leastSum, addedToSum = leastAdded }: Router): number {
  const sum = chosen.reduce((total, { weight }) => total + weight, 0);
  return leastSum === undefined ? sum + addedToSum : Math.min(Math.max(sum, leastSum), beyondSums);
}

/** The `count` places with the largest values, the first of equals first. */
function largest(values: ArrayLike<number>, count: number): number[] {
  const places: number[] = [];
  for (let i = 0; i < values.length; i++) {
    let at = places.length;
    while (at > 0 && values[i]! > values[places[at - 1]!]!) at--;
    if (at >= count) continue;
    places.splice(at, 0, i);
    if (places.length > count) places.pop();
  }
  return places;
}

function bestSlots(scores: Float32Array, router: Router, { selectionBias }: RouterVectors): ChosenSlot[] {
  if (router.scoring === 'softmax') softmax(scores);
  else for (let i = 0; i < scores.length; i++) scores[i] = sigmoid(scores[i]!);
  const biased = selectionBias ? scores.map((score, i) => score + selectionBias[i]!) : scores;
  const ranked = router.groups ? withinGroups(biased, router.groups) : biased;
  return largest(ranked, router.topK).map((slot) => ({ slot, weight: scores[slot]! }));
}

/** `scores` with those outside the best groups beyond reach. */
function withinGroups(scores: Float32Array, { count, selected, by }: RouterGroups): Float32Array {
  const size = scores.length / count;
  const worth = Array.from({ length: count }, (_, group) => {
    const own = scores.subarray(group * size, (group + 1) * size);
    return largest(own, by === 'max' ? 1 : 2).reduce((sum, place) => sum + own[place]!, 0);
  });
  const best = new Set(largest(worth, selected));
  return scores.map((score, i) => (best.has(Math.floor(i / size)) ? score : Number.NEGATIVE_INFINITY));
}

/** SparseMixer-v2 without its noise, see `Router.mixerThreshold`. */
function mixedSlots(logits: Float32Array, threshold: number): ChosenSlot[] {
  const pair = largest(logits, 2);
  return pair.map((slot, place) => {
    const chosen = logits[slot]!;
    let sum = 0;
    for (const [i, logit] of logits.entries()) {
      if (place === 1 && i === pair[0]) continue;
      const beyond = (chosen - logit) / Math.max(Math.abs(logit), chosen) > threshold;
      if (!beyond) sum += Math.exp(Math.min(logit - chosen, 0));
    }
    return { slot, weight: 1 / sum };
  });
}
