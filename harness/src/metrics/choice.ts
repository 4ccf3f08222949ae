import { codePointLength } from '../python/text.js';
import { argmax } from './statistics.js';

/**
 * Whether the likeliest choice is the right one: `acc` by log-likelihood, `acc_norm` by log-likelihood
 * per character of the choice (Unicode code points, without the delimiter before it).
 */
export function choiceScores(logprobs: readonly number[], choices: readonly string[], gold: number) {
  const perCharacter = logprobs.map((logprob, i) => logprob / codePointLength(choices[i]!));
  return {
    acc: argmax(logprobs) === gold ? 1 : 0,
    acc_norm: argmax(perCharacter) === gold ? 1 : 0,
  };
}
