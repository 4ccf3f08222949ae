import { concat, type TensorExpr, transpose, weightedSum } from '@moepress/core';
import { expect, it } from 'vitest';
import { exprEntry, layOut } from './file-layout.js';
import { writingBytes } from './writing-memory.js';

const stored = (rows: number, columns: number): TensorExpr => ({
  kind: 'stored',
  name: 'w',
  file: '/w',
  offset: 0,
  length: 2 * rows * columns,
  dtype: 'BF16',
  shape: [rows, columns],
});
const bytesFor = (expr: TensorExpr) => writingBytes([layOut([exprEntry('w', expr)])]);
const MiB = 2 ** 20;

it('does not grow with a tensor that is copied', () => {
  expect(bytesFor(stored(4096, 4096))).toBe(bytesFor(stored(8, 8)));
});

it('counts what sums are computed from, once for all terms', () => {
  const copied = bytesFor(stored(8, 8));
  const pair = weightedSum([stored(8, 8), stored(8, 8)], [0.5, 0.5]);
  expect(bytesFor(pair)).toBeGreaterThan(copied);
  expect(bytesFor(concat([pair, pair], 0))).toBeLessThan(2 * bytesFor(pair));
});

it('counts matrices that are held to be transposed', () => {
  const held = (rows: number) => bytesFor(transpose(stored(rows, 1024))) - bytesFor(stored(rows, 1024));
  // As many as may be kept, or one in each thread.
  expect(held(1024)).toBeGreaterThanOrEqual(72 * MiB);
  expect(held(2 ** 16)).toBeGreaterThan(2 * 128 * MiB);
});
