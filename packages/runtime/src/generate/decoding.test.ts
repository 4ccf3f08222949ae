import { expect, it } from 'vitest';
import { Decoding } from './decoding.js';

it('grows sequences by a token each, and forgets what follows a finished one', () => {
  const results: number[][] = [[], []];
  const decoding = new Decoding([1, 0], [3, 1], results, { maxNewTokens: 2, eosTokenIds: [9] });
  expect(decoding.newest).toBeNull();
  expect(decoding.past).toEqual([0, 0]);
  decoding.take([1, 9]);
  expect(decoding.newest).toEqual([1, 9]);
  expect(decoding.past).toEqual([3, 1]);
  expect(decoding.isDone).toBe(false);
  expect(decoding.finished).toBe(1);
  decoding.take(Int32Array.of(2, 4));
  expect(decoding.isDone).toBe(true);
  expect(results).toEqual([[9], [1, 2]]);
});
