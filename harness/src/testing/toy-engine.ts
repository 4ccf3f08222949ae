import type { TokenSequence } from '@moepress/core';
import type { TokenEngine } from '../model/language-model.js';

/** An engine without a model: token id i has log-probability -i / 100 and is likeliest if i is even. */
export function toyEngine(
  maxLength: number,
  script: readonly number[] = [],
): TokenEngine & { readonly scored: TokenSequence[][]; readonly prompts: number[][] } {
  const scored: TokenSequence[][] = [];
  const prompts: number[][] = [];
  return {
    maxLength,
    scored,
    prompts,
    async score(items) {
      scored.push([...items]);
      return items.map(({ ids, from }) => ({
        logprob: ids.slice(from).reduce((sum, id) => sum - id / 100, 0),
        isGreedy: ids.slice(from).every((id) => id % 2 === 0),
      }));
    },
    /** Continues every prompt with the script, until told to stop. */
    async generate(given, { maxNewTokens, stop, eosTokenIds }) {
      prompts.push(...given.map((ids) => [...ids]));
      return given.map((_, index) => {
        const ids: number[] = [];
        for (const id of script.slice(0, maxNewTokens)) {
          ids.push(id);
          if (eosTokenIds.includes(id) || stop?.(ids, index)) break;
        }
        return ids;
      });
    },
  };
}
