import { openModel } from '@moepress/checkpoint';
import type { TokenSequence } from '@moepress/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ModelRunner, type RunnerOptions } from './runner.js';
import { fixtures } from './testing/golden.js';

/** One of each kind of attention: plain, windowed with sinks, latent. */
const families = ['olmoe', 'gpt_oss', 'deepseek_v2'] as const;

/** Requests of which many begin alike, as with few-shot examples and the answers to one question. */
const requests = fc.array(
  fc.record({
    stem: fc.nat({ max: 1 }),
    shared: fc.constantFrom(0, 3, 70, 90),
    own: fc.array(fc.nat({ max: 2 }), { minLength: 2, maxLength: 12 }),
    from: fc.nat({ max: 200 }),
  }),
  { minLength: 1, maxLength: 9 },
);

const toItem = (vocabulary: number) =>
  function item({
    stem,
    shared,
    own,
    from,
  }: {
    stem: number;
    shared: number;
    own: number[];
    from: number;
  }): TokenSequence {
    const ids = [...Array.from({ length: shared }, (_, i) => (i * 7 + stem) % vocabulary), ...own];
    return { ids, from: 1 + (from % (ids.length - 1)) };
  };

it.each(families)('%s: requests score alike batched, shared, in pieces and alone', async (family) => {
  const { model: folder } = await fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();
  const model = await openModel(folder);
  const open = (options: RunnerOptions = {}) =>
    ModelRunner.open(model, { residency: 'resident', ...options });
  // So little is carried that there are several waves.
  const carried = (tokens: number) => 4 * model.config.hiddenSize * 3 * tokens;
  const alone = await open();
  const runners = await Promise.all(
    [40, 100, 2048].map((tokens) => open({ workers: 2, tokens, carried: carried(tokens), leastProducts: 0 })),
  );
  const known = new Map<string, readonly number[]>();
  const logprobs = async (item: TokenSequence) => {
    const key = JSON.stringify(item);
    const found = known.get(key) ?? (await alone.scoreTokens([item]))[0]!.map(({ logprob }) => logprob);
    known.set(key, found);
    return found;
  };
  try {
    await fc.assert(
      fc.asyncProperty(requests, fc.constantFrom(0, 1, 2), async (given, runner) => {
        const items = given.map(toItem(Math.min(50, model.config.vocabSize)));
        const scores = await runners[runner]!.scoreTokens(items);
        for (const [i, item] of items.entries()) {
          const expected = await logprobs(item);
          expect(scores[i]).toHaveLength(expected.length);
          for (const [t, { logprob }] of scores[i]!.entries()) {
            const scale = Math.max(1, Math.abs(expected[t]!));
            expect(Math.abs(logprob - expected[t]!) / scale).toBeLessThan(1e-5);
          }
        }
      }),
      { numRuns: 12 },
    );
  } finally {
    await Promise.all([alone, ...runners].map((each) => each.dispose()));
  }
});
