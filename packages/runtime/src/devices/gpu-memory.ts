import { defaultLimits } from './batch-limits.js';

/** Bytes of device memory that are assumed if the user does not say; the provider does not report it. */
export const defaultGpuMemory = 4 * 2 ** 30;

/** A share of a device's memory for the weights of a model that stays there; activations get the rest. */
export const weightShare = 0.5;

/**
 * The share for tensors that pass from run to run: hidden states, keys and values. Larger ones are moved over the
 * bus.
 */
export const heldShare = 0.25;

/** A share of them for the keys and values of finished steps; one more layer stands beside them while it computes. */
export const cacheShare = 0.75 * heldShare;

/** Attention scores of one run: more tokens than give so many are not worth their memory. */
export const mostScores = 2 ** 26;

/**
 * How large batches may be in so many bytes of a device's memory. Attention holds its scores three times in
 * fp32, which then is a fifth of the memory; a token takes about a hundred kilobytes, which is a twentieth.
 */
export function limitsWithin(bytes: number): { readonly tokens: number; readonly scores: number } {
  return {
    tokens: Math.max(1, Math.min(defaultLimits.tokens, Math.floor(bytes / 2 ** 21))),
    scores: Math.max(1, Math.min(mostScores, Math.floor(bytes / 64))),
  };
}
