import { expect, it } from 'vitest';
import { layOut } from '../forward/layout.js';
import { Decoding } from './decoding.js';

it('grows sequences by a token each, and forgets what follows a finished one', () => {
  const prompts = layOut([
    { index: 1, ids: [5, 6, 7] },
    { index: 0, ids: [8] },
  ]);
  const results: number[][] = [[], []];
  const decoding = new Decoding(prompts, results, { maxNewTokens: 2, eosTokenIds: [9] });
  expect(decoding.layout).toBe(prompts);
  expect(decoding.past).toBeNull();
  decoding.take([1, 9]);
  expect([...decoding.layout.ids]).toEqual([1, 9]);
  expect([...decoding.layout.positions]).toEqual([3, 1]);
  expect(decoding.past).toEqual([3, 1]);
  expect(decoding.isDone).toBe(false);
  expect(decoding.finished).toBe(1);
  decoding.take(Int32Array.of(2, 4));
  expect(decoding.isDone).toBe(true);
  expect(results).toEqual([[9], [1, 2]]);
});
