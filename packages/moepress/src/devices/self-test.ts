import { openModel } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import { type Device, ModelRunner } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';

/** What the embedded model makes of a few tokens. */
export interface Answer {
  /** Logits of every token of the text. */
  readonly logits: Float32Array;
  /** Greedy continuation. */
  readonly continuation: readonly number[];
}

/** Enough tokens that every kernel has more than one group of threads; ids all vocabularies have. */
const ids = Array.from({ length: 48 }, (_, i) => (i * 37 + 11) % 256);
const newTokens = 4;

/** Logits may differ by so much, in fp32, before a device counts as wrong. */
export const tolerance = 1e-3;

/** Runs the embedded model on a device: attention, routing, experts, head and key-value cache. */
export async function answerOn(device: Device, work: Work): Promise<Answer> {
  const model = await openModel(tinyModel.directory);
  const runner = await ModelRunner.open(model, { device, residency: 'resident', ...work });
  try {
    const [trace] = await runner.trace([ids], work);
    const options = { maxNewTokens: newTokens, eosTokenIds: [], ...work };
    const [continuation] = await runner.generate([ids], options);
    return { logits: trace!.logits.data as Float32Array, continuation: continuation! };
  } finally {
    await runner.dispose();
  }
}

/** What is right: the processor's answer. */
export const reference = (work: Work): Promise<Answer> => answerOn('cpu', work);

/** The largest difference of two answers' logits; infinite if one is no number, or the continuations differ. */
export function difference(answer: Answer, expected: Answer): number {
  const agree = answer.continuation.every((token, i) => token === expected.continuation[i]);
  if (!agree) return Number.POSITIVE_INFINITY;
  return expected.logits.reduce((most, logit, i) => {
    const apart = Math.abs(logit - answer.logits[i]!);
    return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(most, apart);
  }, 0);
}
