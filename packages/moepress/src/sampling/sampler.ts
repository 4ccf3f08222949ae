import { createHash } from 'node:crypto';
import { createRng, type Rng } from '@moepress/core';
import type { Choice } from '@moepress/runtime';
import { distributionOf, draw, type Shape } from './distribution.js';

/** How the tokens of an answer are chosen. */
export interface Sampling extends Shape {
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  /** Seed of the random numbers. */
  readonly seed: number;
  /** Taken off the logit of a token that the answer has already. */
  readonly presencePenalty: number;
  /** Taken off the logit of a token as often as the answer has it. */
  readonly frequencyPenalty: number;
  /** Added to logits, by token. */
  readonly logitBias: ReadonlyMap<number, number>;
}

/** Whether the model's own likeliest tokens are what is wanted. */
export function isGreedy(sampling: Sampling): boolean {
  return sampling.temperature === 0 && !changesLogits(sampling);
}

const changesLogits = ({ presencePenalty, frequencyPenalty, logitBias }: Sampling): boolean =>
  presencePenalty !== 0 || frequencyPenalty !== 0 || logitBias.size > 0;

/**
 * Chooses the tokens of one answer, each by one random number, so that an answer depends on its seed and not on those
 * beside it. `choice`: which of the answers to one prompt it is; each has random numbers of its own. Penalties count
 * the tokens of the answer and not those of the prompt, as in OpenAI's API: z - c * frequency - (c > 0) * presence + bias.
 */
export function createSampler(sampling: Sampling, choice: number): (place: Choice) => number {
  let rng: Rng | undefined;
  return ({ logits, likeliest, newIds }) => {
    if (isGreedy(sampling)) return likeliest;
    const changed = Float64Array.from(logits);
    if (changesLogits(sampling)) change(changed, newIds, sampling);
    if (sampling.temperature === 0) return largest(changed);
    // An answer that is begun once more takes the same numbers.
    if (newIds.length === 0 || !rng) rng = createRng(seedOf(sampling.seed, choice));
    return draw(distributionOf(changed, sampling), rng.next());
  };
}

function change(
  logits: Float64Array,
  newIds: readonly number[],
  { presencePenalty, frequencyPenalty, logitBias }: Sampling,
): void {
  const counts = new Map<number, number>();
  for (const id of newIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) logits[id]! -= count * frequencyPenalty + presencePenalty;
  for (const [id, bias] of logitBias) logits[id]! += bias;
}

/** The first of equals. */
function largest(logits: Float64Array): number {
  let best = 0;
  for (const [id, logit] of logits.entries()) if (logit > logits[best]!) best = id;
  return best;
}

function seedOf(seed: number, choice: number): number {
  return createHash('sha256').update(`${seed} ${choice}`).digest().readUInt32LE(0);
}
