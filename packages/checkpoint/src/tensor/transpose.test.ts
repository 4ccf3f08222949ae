import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rows, type StoredTensor, type TensorExpr, transpose, weightedSum } from '@moepress/core';
import { describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../support.test.util.js';
import { blocksOf, piecesOf } from './pieces.js';
import { Reading } from './reading.js';
import { Transposes, transposeRows } from './transpose.js';

const [height, width] = [40, 30];
const bytes = 2 * height * width;

/** Matrices [30, 40] of BF16, one after the other in a file. */
async function matrices(count: number): Promise<StoredTensor[]> {
  const file = join(await temporaryFolder(), 'data');
  await writeFile(file, new Uint8Array(count * bytes).fill(0x3f));
  return Array.from({ length: count }, (_, i) => ({
    kind: 'stored',
    name: `m${i}`,
    file,
    offset: i * bytes,
    length: bytes,
    dtype: 'BF16',
    shape: [width, height],
  }));
}

/** Reads an expression in small blocks. Returns how many elements of stored tensors that took. */
async function elementsRead(expr: TensorExpr): Promise<number> {
  const reading = new Reading(100);
  const read = vi.spyOn(reading, 'read');
  try {
    const count = expr.shape[0]! * expr.shape[1]!;
    for (const block of blocksOf(piecesOf(expr, 0, count), 100)) {
      await reading.fill(block.pieces, new Uint8Array(block.bytes));
    }
    const stored = read.mock.calls.filter(([of]) => of.kind === 'stored');
    return stored.reduce((sum, [, begin, end]) => sum + end - begin, 0);
  } finally {
    await reading.close();
  }
}

describe('transposed matrices', () => {
  it('are read once for all of their rows', async () => {
    const [matrix] = await matrices(1);
    expect(await elementsRead(transpose(matrix!))).toBe(width * height);
  });

  it('are read once each when many are added up, whichever rows are chosen', async () => {
    const all = (await matrices(7)).map(transpose);
    const mean = (of: readonly TensorExpr[]) =>
      weightedSum(
        of,
        of.map(() => 1 / 7),
      );
    const evens = Array.from({ length: height / 2 }, (_, i) => 2 * i);
    expect(await elementsRead(mean(all))).toBe(7 * width * height);
    expect(await elementsRead(mean(all.map((of) => rows(of, [...evens]))))).toBe(7 * width * height);
  });

  it('stay in memory as long as they fit, and give it back', async () => {
    const reading = new Reading(1000);
    const transposes = new Transposes(reading, 2 * bytes);
    const read = vi.spyOn(reading, 'read');
    const take = vi.spyOn(reading.buffers, 'take');
    const target = new Uint8Array(2 * width);
    const all = (await matrices(3)).map((of) => transpose(of));
    const readsFor = async (index: number) => {
      const before = read.mock.calls.length;
      const expr = all[index]!;
      if (expr.kind === 'transpose') await transposes.rows(expr, { from: 5, to: 6, target });
      return read.mock.calls.length - before;
    };
    try {
      const each = await readsFor(0);
      expect(each).toBeGreaterThan(0);
      expect([await readsFor(1), await readsFor(0), await readsFor(1)]).toEqual([each, 0, 0]);
      expect([await readsFor(2), await readsFor(1), await readsFor(0)]).toEqual([each, 0, each]);
      const memory = new Set(take.mock.results.map(({ value }) => value.buffer));
      expect(memory.size).toBe(2);
    } finally {
      await reading.close();
    }
  });
});

it.each([1, 2, 3, 4, 8])('transposeRows moves elements of %i bytes', (size) => {
  const [rows, columns] = [70, 35];
  const matrix = Uint8Array.from({ length: rows * columns * size }, (_, i) => (i * 7) ^ (i >> 5));
  const target = new Uint8Array(20 * columns * size);
  transposeRows({ bytes: matrix, shape: [rows, columns], size }, { from: 45, to: 65, target });
  for (let row = 45; row < 65; row++) {
    for (let column = 0; column < columns; column++) {
      const [from, to] = [(column * rows + row) * size, ((row - 45) * columns + column) * size];
      expect(target.subarray(to, to + size)).toEqual(matrix.subarray(from, from + size));
    }
  }
});
