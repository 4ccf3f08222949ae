import type { TokenSequence } from '@moepress/core';
import { MoepressError } from '@moepress/core';
import type { EncodedPair } from './encode.js';

/**
 * Joins a pair and cuts it from the left. `maxLength` inputs predict `maxLength + 1` ids, since the
 * last id is only predicted, never read. Throws `INPUT_INVALID` if the continuation alone is longer.
 */
export function truncatePair({ context, continuation }: EncodedPair, maxLength: number): TokenSequence {
  if (continuation.length > maxLength) {
    throw new MoepressError('INPUT_INVALID', {
      message: `A continuation of ${continuation.length} tokens does not fit a context of ${maxLength}.`,
      hint: 'Use a model with a longer context, or leave out the task.',
    });
  }
  const ids = [...context, ...continuation].slice(-(maxLength + 1));
  return { ids, from: ids.length - continuation.length };
}

/** Keeps the last `maxLength - maxGenTokens` ids. Throws `INPUT_INVALID` if that leaves none. */
export function truncatePrompt(
  ids: readonly number[],
  maxLength: number,
  maxGenTokens: number,
): readonly number[] {
  if (maxGenTokens >= maxLength) {
    throw new MoepressError('INPUT_INVALID', {
      message: `${maxGenTokens} generated tokens leave no room for a prompt in a context of ${maxLength}.`,
      hint: 'Use a model with a longer context, or leave out the task.',
    });
  }
  return ids.slice(-(maxLength - maxGenTokens));
}

/**
 * Splits a long text so that every id is predicted exactly once, `maxLength` of them a window. The first
 * window begins with `prefix`; each later one reads as many ids before those it predicts as it has room for.
 */
export function rollingWindows(ids: readonly number[], prefix: number, maxLength: number): TokenSequence[] {
  const text = [prefix, ...ids];
  const windows: TokenSequence[] = [];
  for (let done = 1; done < text.length; done += maxLength) {
    const end = Math.min(done + maxLength, text.length);
    const start = Math.max(0, end - maxLength - 1);
    windows.push({ ids: text.slice(start, end), from: done - start });
  }
  return windows;
}

/** Counts prompts whose first tokens are cut off to fit the context. */
export interface Cuts {
  /** Records a prompt of `length` tokens of which the last `kept` are read. */
  note(length: number, kept: number): void;
  /** One sentence if any prompt was cut. */
  warnings(): string[];
}

/** `maxLength`: tokens of the context, for the sentence. */
export function countCuts(maxLength: number): Cuts {
  let prompts = 0;
  let most = 0;
  return {
    note(length, kept) {
      if (length <= kept) return;
      prompts++;
      most = Math.max(most, length - kept);
    },
    warnings() {
      if (prompts === 0) return [];
      const which = prompts === 1 ? '1 prompt does' : `${prompts} prompts do`;
      return [
        `${which} not fit the context of ${maxLength} tokens and lost up to ${most} tokens at the beginning, as in lm-evaluation-harness.`,
      ];
    },
  };
}
