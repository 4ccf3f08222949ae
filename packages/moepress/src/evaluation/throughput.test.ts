import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { metered, speedError } from './throughput.js';

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

it('gives the standard error by the parts', () => {
  const part = (tokens: number, seconds: number) => ({ tokens, seconds });
  expect(speedError([part(100, 1)])).toBeNull();
  expect(speedError([part(100, 1), part(200, 2)])).toBe(0);
  // 200 tokens in 3 s: in 1 s there were 100 rather than 66.7, in 2 s 100 rather than 133.3.
  expect(speedError([part(100, 1), part(100, 2)])).toBeCloseTo(Math.sqrt(2 * 2 * (100 / 3) ** 2) / 3, 10);
});
