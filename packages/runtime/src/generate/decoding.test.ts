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

it('lets sequences that have ended leave once they are a quarter, and numbers the others anew', () => {
  const results: number[][] = [[], [], [], [], []];
  const options = { maxNewTokens: 9, eosTokenIds: [0] };
  const decoding = new Decoding([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], results, options);
  decoding.take([1, 0, 1, 1, 1]);
  expect(decoding.leave()).toBeNull();
  decoding.take([2, 2, 2, 0, 2]);
  expect(decoding.leave()).toEqual([0, 2, 4]);
  expect([decoding.indices, decoding.past, decoding.newest, decoding.finished]).toEqual([
    [0, 2, 4],
    [6, 8, 10],
    [2, 2, 2],
    2,
  ]);
  decoding.take([0, 0, 0]);
  expect(decoding.leave()).toBeNull();
  expect(results).toEqual([[1, 2, 0], [0], [1, 2, 0], [1, 0], [1, 2, 0]]);
});
