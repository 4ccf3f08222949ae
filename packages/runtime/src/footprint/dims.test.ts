import { expect, it } from 'vitest';
import { layOut } from '../tokens/token-layout.js';
import { dimsOf, treeSizes } from './dims.js';

it('knows the parts of an axis', () => {
  const size = dimsOf({ T: 80, S: 16 });
  expect([size('T'), size('S'), size('T.upTo7')]).toEqual([80, 16, 80]);
  expect(size('T.part3')).toBeGreaterThanOrEqual(10);
  expect(size('T.part3')).toBeLessThanOrEqual(11);
  expect(size('S.upTo3')).toBeGreaterThanOrEqual(8);
  expect(size('S.upTo3')).toBeLessThanOrEqual(9);
});

it('takes a name that nobody knows for as large as all tokens', () => {
  expect(dimsOf({ T: 80 })('unheard')).toBe(80);
});

it('counts the keys that the queries of a tile look at, not those of strangers', () => {
  const sequences = [0, 1, 2].map((index) => ({ index, ids: Array.from({ length: 256 }, (_, i) => i) }));
  expect(treeSizes(layOut(sequences), 4)).toMatchObject({ T: 768, N: 6, Q: 128, K: 256 });
});
