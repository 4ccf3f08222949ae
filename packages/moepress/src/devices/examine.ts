import { openModel } from '@moepress/checkpoint';
import { MoepressError, type Work } from '@moepress/core';
import { type Device, isPublished, ModelRunner, productSpeed, unavailable } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';

/** The result of examining a device. */
export type Examination =
  | {
      readonly device: Device;
      /** `wrong`: it starts, but its results differ from those of the CPU. */
      readonly state: 'works' | 'wrong';
      /** FLOP/s of an fp32 matrix product. */
      readonly speed: number;
      /** Largest difference of logits from the processor's; null: not comparable. */
      readonly difference: number | null;
      readonly seconds: number;
    }
  | { readonly device: Device; readonly state: 'missing'; readonly problem: string; readonly hint: string }
  | { readonly device: Device; readonly state: 'not for this system' };

/** Starts a device and compares what it computes with `expected`. */
export async function examine(device: Device, expected: Answer, work: Work): Promise<Examination> {
  if (!isPublished(device)) return { device, state: 'not for this system' };
  const started = performance.now();
  try {
    const speed = await productSpeed(device);
    const apart = difference(await answerOn(device, work), expected);
    return {
      device,
      state: apart <= tolerance ? 'works' : 'wrong',
      speed,
      difference: Number.isFinite(apart) ? apart : null,
      seconds: (performance.now() - started) / 1000,
    };
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'ENGINE_FAILED') throw error;
    const { message, hint } = unavailable(device, error);
    return { device, state: 'missing', problem: message, hint };
  }
}

/** Logits and a continuation of the embedded model for a few tokens. */
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

/** The reference: the CPU's answer. */
export const reference = (work: Work): Promise<Answer> => answerOn('cpu', work);

/**
 * The largest difference between the logits of two answers; infinite if one is not a number, or the continuations
 * differ.
 */
export function difference(answer: Answer, expected: Answer): number {
  const agree = answer.continuation.every((token, i) => token === expected.continuation[i]);
  if (!agree) return Number.POSITIVE_INFINITY;
  return expected.logits.reduce((most, logit, i) => {
    const apart = Math.abs(logit - answer.logits[i]!);
    return Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(most, apart);
  }, 0);
}
