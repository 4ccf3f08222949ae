import { createRng } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distributionOf, draw } from './distribution.js';
import { scoredToken } from './likelihoods.js';
import { createSampler, isGreedy, type Sampling } from './sampler.js';

const plain: Sampling = {
  temperature: 0,
  topK: null,
  topP: 1,
  seed: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
};

const logitsArbitrary = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), {
  minLength: 1,
  maxLength: 40,
});

/** The definition, as plainly as it can be written. */
function expected(logits: readonly number[], temperature: number, topK: number | null, topP: number) {
  const weights = logits.map((z) => Math.exp((z - Math.max(...logits)) / temperature));
  let kept = weights
    .map((weight, token) => ({ weight, token }))
    .sort((a, b) => b.weight - a.weight || a.token - b.token);
  kept = kept.slice(0, topK ?? kept.length);
  const all = kept.reduce((sum, { weight }) => sum + weight, 0);
  const before = (i: number) => kept.slice(0, i).reduce((sum, { weight }) => sum + weight, 0);
  const nucleus = topP >= 1 ? kept : kept.filter((_, i) => before(i) < topP * all);
  const rest = nucleus.reduce((total, { weight }) => total + weight, 0);
  return new Map(nucleus.map(({ token, weight }) => [token, weight / rest]));
}

describe('distributionOf', () => {
  it('keeps what its definition keeps', () => {
    const shapes = fc.record({
      temperature: fc.double({ min: 0.01, max: 4, noNaN: true }),
      topK: fc.option(fc.integer({ min: 1, max: 50 })),
      topP: fc.constantFrom(0.05, 0.3, 0.77, 0.999, 1),
    });
    fc.assert(
      fc.property(logitsArbitrary, shapes, (logits, shape) => {
        const { tokens, probabilities } = distributionOf(Float64Array.from(logits), shape);
        const wanted = expected(logits, shape.temperature, shape.topK, shape.topP);
        const made = new Map(Array.from(tokens, (token, i) => [token, probabilities[i]!]));
        // Where a share is met to the last digit, the order of a sum decides.
        if (made.size !== wanted.size) expect(Math.abs(made.size - wanted.size)).toBe(1);
        else for (const [token, p] of wanted) expect(made.get(token)).toBeCloseTo(p, 12);
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('is the likeliest token alone at a very low temperature, with no number too large', () => {
    const { probabilities } = distributionOf(Float64Array.of(1, 2, -1e30), {
      temperature: 1e-300,
      topK: null,
      topP: 1,
    });
    expect([...probabilities]).toEqual([0, 1, 0]);
  });

  it('prefers the lower number among equals', () => {
    const shape = { temperature: 1, topK: 2, topP: 1 };
    expect(distributionOf(Float64Array.of(0, 3, 3, 3), shape).tokens).toEqual([1, 2]);
  });
});

describe('draw', () => {
  it('takes each token as often as its probability says', () => {
    const logits = Float64Array.of(0.3, -1, 2, 0.5);
    const distribution = distributionOf(logits, { temperature: 0.8, topK: null, topP: 1 });
    const { next } = createRng(7);
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let i = 0; i < draws; i++) counts[draw(distribution, next())]!++;
    // Five standard deviations of a binomial share at most.
    for (const [token, p] of distribution.probabilities.entries()) {
      expect(Math.abs(counts[token]! / draws - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / draws));
    }
  });

  it('never takes a token without probability', () => {
    const distribution = { tokens: [4, 5, 6], probabilities: Float64Array.of(0, 1 - 1e-12, 0) };
    expect(draw(distribution, 0)).toBe(5);
    expect(draw(distribution, 1 - 2 ** -53)).toBe(5);
  });
});

describe('createSampler', () => {
  const logits = Float32Array.from({ length: 50 }, (_, i) => Math.sin(i * 12.9898) * 2);
  const likeliest = logits.indexOf(Math.max(...logits));

  function answer(sampling: Sampling, choice = 0, length = 12): number[] {
    const choose = createSampler(sampling, choice);
    const newIds: number[] = [];
    while (newIds.length < length) newIds.push(choose({ index: 0, logits, likeliest, newIds }));
    return newIds;
  }

  it('repeats an answer by its seed, and gives each choice another', () => {
    const sampling = { ...plain, temperature: 1, seed: 123 };
    expect(answer(sampling)).toEqual(answer(sampling));
    expect(answer(sampling, 1)).not.toEqual(answer(sampling));
    expect(answer({ ...sampling, seed: 124 })).not.toEqual(answer(sampling));
    const choose = createSampler(sampling, 0);
    const again = () =>
      [0, 1, 2].map((n) => choose({ index: 0, logits, likeliest, newIds: Array(n).fill(0) }));
    expect(again()).toEqual(again());
  });

  it('takes the likeliest token at temperature 0, as penalties and bias leave it', () => {
    expect(isGreedy(plain)).toBe(true);
    expect(answer(plain, 0, 3)).toEqual([likeliest, likeliest, likeliest]);
    const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
    expect(answer({ ...plain, presencePenalty: 2 ** 20 }, 0, 4)).toEqual(order.slice(0, 4));
    // Two of the first cost more than its lead over the second; one does not.
    const lead = logits[order[0]!]! - logits[order[1]!]!;
    const [first, second] = order;
    expect(answer({ ...plain, frequencyPenalty: lead * 0.6 }, 0, 4)).toEqual([first, first, second, first]);
    expect(answer({ ...plain, logitBias: new Map([[first!, -100]]) }, 0, 2)).toEqual([second, second]);
    expect(isGreedy({ ...plain, frequencyPenalty: -1 })).toBe(false);
  });
});

describe('scoredToken', () => {
  it('is log softmax, with the likeliest tokens in order', () => {
    fc.assert(
      fc.property(logitsArbitrary, fc.nat({ max: 5 }), (numbers, count) => {
        const logits = Float32Array.from(numbers);
        const id = numbers.length - 1;
        const sum = logits.reduce((all, z) => all + Math.exp(z), 0);
        const { logprob, top } = scoredToken(logits, id, count);
        expect(logprob).toBeCloseTo(logits[id]! - Math.log(sum), 9);
        const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
        expect(top.map((token) => token.id)).toEqual(order.slice(0, count));
      }),
    );
  });
});
