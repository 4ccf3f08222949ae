import { attentionBlocks, type Model } from '@moepress/core';
import { boardBytes } from './board.js';
import { fewWeights, whyNotFew } from './few-support.js';
import { cachedBytes } from './sequence-caches.js';
import { sharesOf } from './team.js';

/** Sequences that are continued side by side; more meet the weights faster in matrix products of ONNX Runtime. */
export const mostFewSequences = 4;

/** The share of the experts that must fit in memory where blocks could as well stay mapped: the others are read again and again. */
const leastExperts = 0.5;

/** Of a model that is streamed, as many experts as a token meets, so many times. */
const leastRounds = 2;

/**
 * Bytes that a thread takes beside its memory of weights: compiled code, lists of places, what waits to be collected. Measured, 20 MB
 * with 16 layers of OLMoE, and half as much again.
 */
export const fewThreadBytes = 32 * 2 ** 20;

/** Bytes of what is held beside weights: that, rounding of the matrices' beginnings, inputs and outputs of products. */
const slack = (model: Model, workers: number): number => {
  const { hiddenSize, vocabSize } = model.config;
  return workers * (fewThreadBytes + 2 ** 20 + 64 * mostFewSequences * (hiddenSize + vocabSize));
};

/**
 * Bytes of weights that all workers together hold to continue a few sequences, out of `most`: 0 where they cannot. Where all
 * blocks can stay mapped, it is worth its while only if most experts stay in memory.
 */
export function fewBytes(
  model: Model,
  {
    most,
    workers,
    resident,
  }: { readonly most: number; readonly workers: number; readonly resident: boolean },
): number {
  if (whyNotFew(model) !== null) return 0;
  const { common, experts, largest, chosen } = fewWeights(model);
  const fixed = common + slack(model, workers);
  const all = fixed + experts;
  if (all <= most) return all;
  const rounds = leastRounds * mostFewSequences * chosen * largest;
  const least = fixed + Math.max(rounds, resident ? leastExperts * experts : 0);
  return least <= most ? most : 0;
}

/** Bytes of keys and values of so many sequences of `capacity` tokens, and of what the workers share. */
export function fewCacheBytes(
  model: Model,
  {
    sequences,
    capacity,
    workers,
  }: { readonly sequences: number; readonly capacity: number; readonly workers: number },
): number {
  const shares = sharesOf(workers);
  const perToken = attentionBlocks(model).reduce(
    (sum, { attention }) => sum + cachedBytes(attention, shares),
    0,
  );
  return sequences * capacity * perToken + boardBytes(model, mostFewSequences);
}
