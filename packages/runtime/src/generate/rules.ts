import type { TokenRules } from '@moepress/checkpoint';
import type { Chooser } from './choose.js';

/** A sequence that grows. */
export interface Growth {
  readonly prompt: readonly number[];
  /** What has been generated, oldest first. */
  readonly newIds: readonly number[];
  readonly eosTokenIds: readonly number[];
}

/**
 * Changes the `logits` [vocabulary] of the next token in place, as the processors of `generate()` in transformers 5.18
 * do in fp32 and in their order: the penalty first, then what may not come at all gets minus infinity.
 */
export function applyRules(logits: Float32Array, rules: TokenRules, growth: Growth): void {
  const { prompt, newIds } = growth;
  const penalty = Math.fround(rules.repetitionPenalty);
  if (penalty !== 1) {
    for (const id of new Set([...prompt, ...newIds])) {
      const logit = logits[id]!;
      logits[id] = logit < 0 ? logit * penalty : logit / penalty;
    }
  }
  for (const id of bannedTokens(rules, growth)) if (id < logits.length) logits[id] = Number.NEGATIVE_INFINITY;
}

/**
 * Chooses among what the rules leave of the logits for all `prompts`: `chooser` where it wants to, else the most
 * probable token.
 */
export function byRules(
  rules: TokenRules,
  prompts: readonly (readonly number[])[],
  eosTokenIds: readonly number[],
  chooser?: Chooser,
): Chooser {
  return {
    wants: () => true,
    choose({ index, newIds, ...choice }) {
      const logits = choice.logits.slice();
      applyRules(logits, rules, { prompt: prompts[index]!, newIds, eosTokenIds });
      const likeliest = largest(logits);
      return chooser?.wants(index) ? chooser.choose({ index, newIds, logits, likeliest }) : likeliest;
    },
  };
}

/** The first of the largest, as `argmax` of torch has it. */
function largest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

function bannedTokens(rules: TokenRules, { prompt, newIds, eosTokenIds }: Growth): number[] {
  const banned = [...rules.suppressed];
  if (newIds.length === 0) banned.push(...rules.suppressedFirst);
  const isTooShort = newIds.length < rules.minNewTokens || prompt.length + newIds.length < rules.minLength;
  if (isTooShort) banned.push(...eosTokenIds);
  if (rules.noRepeatNgramSize === 0 && rules.badWords.length === 0) return banned;
  const ids = [...prompt, ...newIds];
  banned.push(...repeating(ids, rules.noRepeatNgramSize));
  for (const word of rules.badWords) {
    const [last] = word.slice(-1);
    // End-of-text tokens are not words.
    const isEnd = word.length === 1 && eosTokenIds.includes(last!);
    if (!isEnd && word.length <= ids.length && endsWith(ids, word.slice(0, -1))) banned.push(last!);
  }
  return banned;
}

/** Tokens that followed the last `size` - 1 tokens before; none for a size of 0. */
function repeating(ids: readonly number[], size: number): number[] {
  if (size === 0 || ids.length + 1 < size) return [];
  const end = ids.slice(ids.length - size + 1);
  const found: number[] = [];
  for (let i = 0; i + size <= ids.length; i++) {
    if (end.every((id, j) => ids[i + j] === id)) found.push(ids[i + size - 1]!);
  }
  return found;
}

const endsWith = (ids: readonly number[], end: readonly number[]): boolean =>
  end.every((id, j) => ids[ids.length - end.length + j] === id);
