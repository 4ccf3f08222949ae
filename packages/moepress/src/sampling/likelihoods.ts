import type { TokenScore } from '@moepress/runtime';

/** A token and its natural log-probability. */
export interface LikelyToken {
  readonly id: number;
  readonly logprob: number;
}

/** A token of an answer and those that were likeliest in its place. */
export interface ScoredToken extends LikelyToken {
  /** The likeliest first; of equals the one with the lower number. */
  readonly top: readonly LikelyToken[];
}

/**
 * log softmax(logits) in float64, of the token `id` and the `count` likeliest that may come at all: what the model itself
 * has to say, without temperature, penalties and bias. `logits`: of all tokens [vocabulary].
 */
export function scoredToken(logits: Float32Array, id: number, count: number): ScoredToken {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const sum = logits.reduce((all, logit) => all + Math.exp(logit - largest), 0);
  const normaliser = largest + Math.log(sum);
  const of = (token: number): LikelyToken => ({ id: token, logprob: logits[token]! - normaliser });
  const top = likeliest(logits, count).filter((token) => logits[token]! > Number.NEGATIVE_INFINITY);
  return { ...of(id), top: top.map(of) };
}

/** A score of the engine, which knows the likeliest token alone. */
export function fromScore(
  id: number,
  { logprob, best, bestLogprob }: TokenScore,
  count: number,
): ScoredToken {
  return { id, logprob, top: count > 0 ? [{ id: best, logprob: bestLogprob }] : [] };
}

/** The ids of the `count` largest, descending, the lower first among equals. `count` is small. */
function likeliest(logits: Float32Array, count: number): number[] {
  const top: number[] = [];
  for (let id = 0; count > 0 && id < logits.length; id++) {
    if (top.length === count && logits[id]! <= logits[top.at(-1)!]!) continue;
    let at = top.length;
    while (at > 0 && logits[id]! > logits[top[at - 1]!]!) at--;
    top.splice(at, 0, id);
    if (top.length > count) top.pop();
  }
  return top;
}
