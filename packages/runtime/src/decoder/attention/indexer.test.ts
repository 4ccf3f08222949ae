import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { expect, it } from 'vitest';
import { ModelRunner } from '../../runner.js';
import { mostTokens } from '../../tokens/longest-sequence.js';

const fixture = (name: string) =>
  openModel(fileURLToPath(new URL(`../../../../checkpoint/fixtures/${name}`, import.meta.url)));
const ids = (count: number, seed = 0) => Array.from({ length: count }, (_, i) => 3 + ((7 * i + seed) % 60));

async function using<R>(model: Model, tokens: number, use: (runner: ModelRunner) => Promise<R>): Promise<R> {
  const runner = await ModelRunner.open(model, { workers: 1, threads: 1, tokens });
  try {
    return await use(runner);
  } finally {
    await runner.dispose();
  }
}

it('chooses the same tokens where sequences share a beginning, and where they are longer than a run', async () => {
  const model = await fixture('deepseek_v32');
  // Its indexers choose 12 tokens.
  const beginning = ids(20);
  const sequences = [1, 2, 3].map((seed) => [...beginning, ...ids(9, seed)]);
  const items = sequences.map((own) => ({ ids: own, from: 1 }));
  const scoresIn = (tokens: number, of = items) =>
    using(model, tokens, async (runner) => (await runner.score(of)).map(({ logprob }) => logprob));
  const alone = (await Promise.all(items.map((item) => scoresIn(512, [item])))).flat();
  const together = await scoresIn(512);
  const inPieces = await scoresIn(8);
  for (const [i, expected] of alone.entries()) {
    expect(together[i]).toBeCloseTo(expected, 4);
    expect(inPieces[i]).toBeCloseTo(expected, 4);
  }
});

it('refuses longer sequences before anything is computed where layers share an indexer', async () => {
  const model = await fixture('glm_moe_dsa');
  expect([mostTokens(model, 'tree'), mostTokens(model, 'padded')]).toEqual([48, 48]);
  const refusals = await using(model, 512, async (runner) => {
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'computed',
        (error: unknown) => (MoepressError.isInstance(error) ? `${error.code} ${error.message}` : error),
      );
    const options = { maxNewTokens: 4, eosTokenIds: [] };
    return [
      await codeOf(runner.score([{ ids: ids(48), from: 1 }])),
      await codeOf(runner.score([{ ids: ids(49), from: 1 }])),
      await codeOf(runner.generate([ids(45)], options)),
      await codeOf(runner.generate([ids(46)], options)),
    ];
  });
  expect(refusals).toEqual([
    'computed',
    expect.stringMatching(/^INPUT_INVALID A sequence has 49 tokens/),
    'computed',
    expect.stringMatching(/^INPUT_INVALID A sequence has 49 tokens/),
  ]);
});

it('needs no such bound where every layer has its own, but on devices without trees', async () => {
  const model = await fixture('deepseek_v32');
  expect([mostTokens(model, 'tree'), mostTokens(model, 'padded')]).toEqual([null, 12]);
});
