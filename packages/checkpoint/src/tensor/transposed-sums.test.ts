import { cols, rows, type StoredTensor, type SumExpr, transpose, weightedSum } from '@moepress/core';
import { expect, it } from 'vitest';
import { outsideIn } from './transposed-sums.js';

const [a, b] = ['a', 'b'].map(
  (name): StoredTensor => ({
    kind: 'stored',
    name,
    file: '/f',
    offset: 0,
    length: 24,
    dtype: 'BF16',
    shape: [3, 4],
  }),
) as [StoredTensor, StoredTensor];
const [ta, tb] = [transpose(a), transpose(b)];
const by = [0.25, 0.75];
const sum = (...of: Parameters<typeof weightedSum>[0]) => weightedSum(of, by) as SumExpr;

it('transposes a sum of transposed matrices once, and gives the same answer again', () => {
  const turned = outsideIn(sum(ta, tb));
  expect(turned).toEqual(transpose(weightedSum([a, b], by)));
  const again = sum(ta, tb);
  expect(outsideIn(again)).toBe(outsideIn(again));
});

it('looks through a choice of rows or columns that all terms share', () => {
  const inner = transpose(weightedSum([a, b], by));
  expect(outsideIn(sum(rows(ta, [2, 0]), rows(tb, [2, 0])))).toEqual(rows(inner, [2, 0]));
  expect(outsideIn(sum(cols(ta, [2, 0]), cols(tb, [2, 0])))).toEqual(cols(inner, [2, 0]));
  const nested = sum(cols(rows(ta, [2, 0]), [1]), cols(rows(tb, [2, 0]), [1]));
  expect(outsideIn(nested)).toEqual(cols(rows(inner, [2, 0]), [1]));
});

it('leaves other sums as they are', () => {
  const sums = [
    sum(a, b),
    sum(rows(a, [2, 0]), rows(b, [2, 0])),
    sum(rows(ta, [2, 0]), rows(tb, [0, 2])),
    sum(cols(ta, [2, 0]), cols(tb, [2, 1])),
    sum(transpose(rows(a, [0])), cols(tb, [1])),
    sum(ta, rows(tb, [3, 1, 2, 0])),
  ];
  for (const each of sums) expect(outsideIn(each)).toBe(each);
});
