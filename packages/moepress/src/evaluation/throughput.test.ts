import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { deviationOf, metered } from './throughput.js';

const model = {
  maxLength: 8,
  ready: async () => {},
  async score(items: readonly object[]) {
    await setTimeout(50);
    return items.map(() => ({ logprob: -1, isGreedy: true }));
  },
  generate: async () => [[1]],
};

it('counts scored tokens and takes the time', async () => {
  const { engine, throughput } = metered(model, { threads: 2 });
  await engine.generate([[1, 2, 3]], { maxNewTokens: 1, stop: () => true, eosTokenIds: [] });
  expect(throughput()).toBeNull();
  const items = [
    { ids: [1, 2, 3], from: 1 },
    { ids: [4, 5], from: 1 },
  ];
  expect(await engine.score(items)).toHaveLength(2);
  await engine.score(items);
  const { tokensPerSecond, machine } = throughput()!;
  // Ten tokens in twice 50 ms, timers and busy machines being what they are.
  expect(tokensPerSecond).toBeGreaterThan(1);
  expect(tokensPerSecond).toBeLessThan(110);
  expect(machine).toMatch(/, 2 threads$/);
});

it('gives the spread of the parts, each as much as it has tokens', () => {
  const part = (tokens: number, seconds: number) => ({ tokens, seconds });
  expect(deviationOf([part(100, 1)], 100)).toBeNull();
  expect(deviationOf([part(100, 1), part(0, 0)], 100)).toBeNull();
  // Speeds of 100 and 50 around 200 / 3 of both.
  const both = [part(100, 1), part(100, 2)];
  expect(deviationOf(both, 200 / 3)).toBeCloseTo(Math.sqrt((100 / 3) ** 2 + (50 / 3) ** 2), 10);
});
