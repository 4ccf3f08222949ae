import { expect, it } from 'vitest';
import { KeyValueCache } from './key-value-cache.js';

it('tells of the memory that it leaves behind when it grows or forgets sequences', () => {
  const dropped: number[] = [];
  const cache = new KeyValueCache({ sequences: 2, kvHeads: 1, headDim: 4 }, (bytes) => dropped.push(bytes));
  const put = (start: number) =>
    cache.append(new Float32Array(4), {
      headsFirst: true,
      parts: [{ sequence: 1, start, rows: Int32Array.of(0) }],
    });
  put(0);
  const before = cache.bytes;
  put(1);
  expect(dropped).toEqual([0]);
  put(before);
  expect(dropped).toEqual([0, before]);
  const grown = cache.bytes;
  expect(grown).toBeGreaterThan(before);
  cache.keepSequences([1]);
  expect([dropped.at(-1), cache.bytes]).toEqual([grown, grown / 2]);
});
