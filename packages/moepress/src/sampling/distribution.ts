import { Descending } from './descending.js';

/** How the distribution that a token is drawn from comes of the model's. */
export interface Shape {
  /** Above 0. */
  readonly temperature: number;
  /** Keeps so many of the likeliest tokens; null: all. */
  readonly topK: number | null;
  /** Keeps the fewest tokens that have at least this share of the probability together; 1: all. */
  readonly topP: number;
}

/** Tokens with their probabilities, which add up to 1. */
export interface Distribution {
  readonly tokens: ArrayLike<number>;
  readonly probabilities: Float64Array;
}

/**
 * softmax(logits / temperature) in float64; of it the `topK` likeliest (Fan et al., 2018, arXiv:1805.04833); of these,
 * as they share the probability among them, the fewest that have at least `topP` of it (nucleus sampling, Holtzman et
 * al., 2020, arXiv:1904.09751). Of equally likely tokens the one with the lower number counts as likelier. Tokens come
 * in the order of their numbers where all are kept, else the likeliest first. `logits`: of all tokens [vocabulary].
 */
export function distributionOf(logits: Float64Array, { temperature, topK, topP }: Shape): Distribution {
  const weights = exponentials(logits, temperature);
  if (topK === null && topP >= 1) {
    return { tokens: weights.map((_, token) => token), probabilities: normalised(weights) };
  }
  const order = new Descending(weights);
  const most = topK === null ? null : first(order, Math.min(topK, weights.length));
  const all = most ? sumOf(Float64Array.from(most, (token) => weights[token]!)) : sumOf(weights);
  const tokens: number[] = [];
  let sum = 0;
  while (tokens.length === 0 || topP >= 1 || sum < topP * all) {
    const token = most ? most[tokens.length] : order.next();
    if (token === undefined) break;
    tokens.push(token);
    sum += weights[token]!;
  }
  return { tokens, probabilities: normalised(Float64Array.from(tokens, (token) => weights[token]!)) };
}

/** The token at `u` in [0, 1): the first whose probability and those before it add up to more. */
export function draw({ tokens, probabilities }: Distribution, u: number): number {
  let sum = 0;
  let last = 0;
  for (const [i, probability] of probabilities.entries()) {
    sum += probability;
    if (probability > 0) last = i;
    if (sum > u) return tokens[i]!;
  }
  // Rounding may leave the sum of all just below u.
  return tokens[last]!;
}

/** exp((z - max z) / temperature): no number is too large, however low the temperature. */
function exponentials(logits: Float64Array, temperature: number): Float64Array {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  return logits.map((logit) => Math.exp((logit - largest) / temperature));
}

function first(order: Descending, count: number): number[] {
  return Array.from({ length: count }, () => order.next()!);
}

const sumOf = (weights: Float64Array): number => weights.reduce((sum, weight) => sum + weight, 0);

function normalised(weights: Float64Array): Float64Array {
  const sum = sumOf(weights);
  return weights.map((weight) => weight / sum);
}
