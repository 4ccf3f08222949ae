import { attentionBlocks, type Model } from '@moepress/core';
import { scratchBytes, type Widest } from './arena.js';
import { boardBytes } from './board.js';
import { type FewWeights, fewWeights, matricesOf, whyNotFew } from './few-support.js';
import { cachedBytes } from './sequence-caches.js';
import { sharesOf } from './team.js';
import { tileRows } from './tile-kernels.js';
import { leastWideRows, wideMatrices } from './wide-products.js';

/** Sequences that are continued side by side where some experts have no room, or four-bit codes are multiplied row by row. */
export const leastFewSequences = 4;

/** The most sequences that are continued side by side. */
const mostFewSequences = 64;

/**
 * Multiplications with each number of a weight that is met, from which on matrix products of ONNX Runtime are as fast: they take 0.22 ns
 * for a number and 0.04 ns for each multiplication with it, the module 0.0625 ns for each (one core of Zen 4, fitted to steps of 32 and 64 sequences).
 */
const mostProducts = 10;

/**
 * Bytes of weights of a block that a token meets, from which on two threads are faster than one: to meet some times in a block costs them
 * some 20 us (estimated), and far more where others want the processor too.
 */
const leastSharedBytes = 2 ** 20;

/** The share of the experts that must fit in memory where blocks could as well stay mapped: the others are read again and again. */
const leastExperts = 0.5;

/** Of a model that is streamed, as many experts as a token meets, so many times. */
const leastRounds = 2;

/**
 * Bytes that a thread takes beside its memory of weights: compiled code, lists of places, what waits to be collected. Measured, 20 MB
 * with 16 layers of OLMoE, and half as much again.
 */
export const fewThreadBytes = 32 * 2 ** 20;

/** Bytes of a session that makes products with many rows: measured, 0.7 MB each with 128 of them. */
const wideSessionBytes = 0.75 * 2 ** 20;

/** Bytes of what is held beside weights: that, rounding of the matrices' beginnings, inputs and outputs of products. */
const slack = (model: Model, workers: number, sequences: number, weights: number): number => {
  // A memory holds at most 4 GiB, and each has room of its own.
  const memories = Math.ceil(weights / workers / 2 ** 31);
  return workers * (fewThreadBytes + 2 ** 20 + memories * scratchBytes(widestOf(model, sequences, workers)));
};

/** The sizes of the largest products, of which a thread of so many makes some rows. */
export function widestOf(model: Model, most: number, workers: number): Widest {
  const matrices = matricesOf(model);
  const size = (axis: 0 | 1) => matrices.reduce((largest, { shape }) => Math.max(largest, shape[axis]!), 0);
  return {
    rows: Math.ceil(size(0) / workers / tileRows) * tileRows,
    columns: size(1),
    inputs: most,
  };
}

/** Bytes of the weights, and of what is held beside them. */
function heldBytes({ common, experts }: FewWeights, model: Model, workers: number): number {
  const most = mostSequencesOf(model);
  const sessions = most < leastWideRows ? 0 : workers * wideMatrices(model).length;
  const weights = common + experts;
  return weights + slack(model, workers, most, weights) + sessions * wideSessionBytes;
}

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
  const weights = fewWeights(model, workers);
  const all = heldBytes(weights, model, workers);
  if (all <= most) return all;
  const { common, experts, largest, chosen } = weights;
  const rounds = leastRounds * leastFewSequences * chosen * largest;
  const least =
    common +
    slack(model, workers, leastFewSequences, most) +
    Math.max(rounds, resident ? leastExperts * experts : 0);
  return least <= most ? most : 0;
}

/** Of `bytes`, see `fewBytes`, those that are taken only when experts are read. */
export function fewExpertBytes(model: Model, bytes: number, workers: number): number {
  const { common, experts } = fewWeights(model, workers);
  const room = bytes - common - slack(model, workers, leastFewSequences, bytes);
  return Math.max(0, Math.min(experts, room));
}

/** The most sequences that are continued side by side by workers that hold `bytes` of weights, see `fewBytes`. */
export function fewSequences(model: Model, bytes: number, workers: number): number {
  if (bytes === 0) return 0;
  const holdsAll = bytes >= heldBytes(fewWeights(model, workers), model, workers);
  return holdsAll ? mostSequencesOf(model) : leastFewSequences;
}

/** Whether the weights that a token meets are so small that threads are not worth it to wait for each other. */
export function isSmall(model: Model): boolean {
  const { common, experts, largest, chosen } = fewWeights(model, 1);
  return common + Math.min(experts, chosen * largest) < leastSharedBytes * model.blocks.length;
}

/** As many as meet their weights in the module as fast as in matrix products, if each chose its experts at random. */
function mostSequencesOf(model: Model): number {
  const { common, experts, rowByRow } = fewWeights(model, 1);
  // Of small weights all else takes longer, which graphs do faster for many rows.
  if (rowByRow || isSmall(model)) return leastFewSequences;
  const moe = model.blocks.flatMap(({ ffn }) => (ffn.kind === 'moe' ? [ffn] : []));
  const share =
    moe.reduce((sum, { router, slots }) => sum + Math.min(1, router.topK / slots.length), 0) /
    Math.max(1, moe.length);
  for (let count = mostFewSequences; count > leastFewSequences; count--) {
    const met = common + experts * (1 - (1 - share) ** count);
    if (count * (common + share * experts) <= mostProducts * met) return count;
  }
  return leastFewSequences;
}

/** Bytes of keys and values of so many sequences of `capacity` tokens, and of what the workers share. */
export function fewCacheBytes(
  model: Model,
  {
    sequences,
    capacity,
    workers,
    most,
  }: {
    readonly sequences: number;
    readonly capacity: number;
    readonly workers: number;
    /** Sequences that the workers may continue at once, see `fewSequences`. */
    readonly most: number;
  },
): number {
  const shares = sharesOf(workers);
  const perToken = attentionBlocks(model).reduce(
    (sum, { attention }) => sum + cachedBytes(attention, shares),
    0,
  );
  return sequences * capacity * perToken + boardBytes(model, most);
}
