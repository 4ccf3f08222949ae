import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { webAssembly } from '@moepress/checkpoint/web-assembly';
import type { StoredTensor } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../testing/temporary.js';
import { HeadKernel } from './head.js';
import { arrange, productModule } from './module.js';
import { kernelBytes, placeHead } from './placement.js';

/** Bits of numbers that repeat never, normal ones of all signs. */
function* words(): Generator<number> {
  for (let state = 7; ; ) {
    state = (state * 48271) % 2147483647;
    yield ((state & 0x8000) | 0x3e80 | (state % 0x1ff)) & 0xffff;
  }
}

const widened = (halves: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);

/** W x in double precision, and the sum of the lengths of its terms, which bounds rounding. */
function plainly(weights: Float32Array, x: Float32Array): { sum: number; length: number }[] {
  return Array.from({ length: weights.length / x.length }, (_, row) => {
    let [sum, length] = [0, 0];
    for (const [i, number] of x.entries()) {
      sum += weights[row * x.length + i]! * number;
      length += Math.abs(weights[row * x.length + i]! * number);
    }
    return { sum, length };
  });
}

/** What the module makes of weights that stand at an odd place. */
function product(halves: Uint16Array, rows: number, x: Float32Array): Float32Array {
  const memory = new webAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  const module = new webAssembly.Module(productModule());
  const { exports } = new webAssembly.Instance(module, { memory: { shared: memory } });
  const [at, xAt, yAt] = [40001, 0, 32768];
  new Uint8Array(memory.buffer).set(new Uint8Array(halves.buffer), at);
  arrange(x, new Float32Array(memory.buffer, xAt, x.length));
  (exports.product as (...numbers: number[]) => void)(at, rows, x.length, xAt, yAt);
  return new Float32Array(memory.buffer).slice(yAt / 4, yAt / 4 + rows);
}

describe('product', () => {
  it.each([1, 2, 7, 8, 9, 31, 32, 33, 40, 63, 257])(
    'multiplies rows of %i columns as a loop does',
    (columns) => {
      const source = words();
      for (const rows of [1, 2, 3, 17]) {
        const halves = Uint16Array.from({ length: rows * columns }, () => source.next().value!);
        const x = Float32Array.from({ length: columns }, (_, i) => Math.sin(1 + i));
        const expected = plainly(widened(halves), x);
        for (const [row, y] of product(halves, rows, x).entries()) {
          const { sum, length } = expected[row]!;
          expect(Math.abs(y - sum)).toBeLessThanOrEqual(1e-6 * length);
        }
      }
    },
  );

  it.each([0, 5, 13, 34, 41])('hands on what is not finite in column %i, and denormals', (column) => {
    const columns = 42;
    const of = (bits: number, x = 1) => {
      const halves = new Uint16Array(columns);
      halves[column] = bits;
      return product(halves, 1, new Float32Array(columns).fill(x))[0]!;
    };
    expect(of(0x7fc0)).toBeNaN();
    expect(of(0x7f80)).toBe(Number.POSITIVE_INFINITY);
    expect(of(0xff80)).toBe(Number.NEGATIVE_INFINITY);
    expect(of(0x0001)).toBe(2 ** -133);
    expect(of(0x8001, 0.5)).toBe(-(2 ** -134));
    // A neighbour's bits stay out of it.
    expect(of(0x3f80, 3)).toBe(3);
  });
});

describe('HeadKernel', () => {
  const stored = (file: string, dtype: StoredTensor['dtype'], shape: number[]): StoredTensor => ({
    ...({ kind: 'stored', name: 'head', file, offset: 3 } as const),
    ...{ length: shape[0]! * shape[1]! * 2, dtype, shape },
  });

  it('finds the likeliest tokens by shares that two workers have read', async () => {
    const [rows, columns] = [67, 37];
    const source = words();
    const halves = Uint16Array.from({ length: rows * columns }, () => source.next().value!);
    const normed = Float32Array.from({ length: 3 * columns }, (_, i) => Math.sin(i * i));
    const logits = [0, 1, 2].map((row) =>
      plainly(widened(halves), normed.subarray(row * columns, (row + 1) * columns)).map(({ sum }) => sum),
    );
    await inTemporaryFolder(async (folder) => {
      const file = join(folder, 'head');
      await writeFile(file, Buffer.concat([Buffer.alloc(3), new Uint8Array(halves.buffer)]));
      const { memory, placements } = placeHead(stored(file, 'BF16', [rows, columns]), 2)!;
      const kernels = placements.map((placement) => new HeadKernel(memory, placement));
      for (const kernel of kernels) kernel.fill();
      for (const kernel of kernels) {
        const { tokens, sum } = kernel.next(normed);
        expect([...tokens]).toEqual(logits.map((own) => own.indexOf(Math.max(...own))));
        const total = logits.flat().reduce((all, logit) => all + logit, 0);
        expect(Math.abs(sum - total)).toBeLessThan(1e-3);
        expect([...kernel.next(normed.subarray(columns, 2 * columns)).tokens]).toEqual([tokens[1]]);
      }
    });
  });

  it('takes the first of equals, and says where a logit is not finite', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = join(folder, 'head');
      const halves = Uint16Array.of(0x3f80, 0, 0x4000, 0, 0x4000, 0, 0x7fc0, 0);
      await writeFile(file, Buffer.concat([Buffer.alloc(3), new Uint8Array(halves.buffer)]));
      const { memory, placements } = placeHead(stored(file, 'BF16', [3, 2]), 1)!;
      const kernel = new HeadKernel(memory, placements[0]!);
      kernel.fill();
      expect(kernel.next(Float32Array.of(1, 1))).toEqual({ tokens: Int32Array.of(1), sum: 5 });
      const all = placeHead(stored(file, 'BF16', [4, 2]), 1)!;
      const whole = new HeadKernel(all.memory, all.placements[0]!);
      whole.fill();
      expect(whole.next(Float32Array.of(1, 1)).sum).toBeNaN();
    });
  });

  it('leaves other heads to the graph', () => {
    expect(kernelBytes(stored('m', 'F16', [4, 2]), 2)).toBe(0);
    expect(kernelBytes(stored('m', 'BF16', [4, 2]), 2)).toBe(65536);
    // No memory has more than 4 GiB.
    expect(kernelBytes(stored('m', 'BF16', [2 ** 20, 2048]), 2)).toBe(0);
  });

  it('fails where the file is shorter than the head', async () => {
    await inTemporaryFolder(async (folder) => {
      const file = join(folder, 'head');
      await writeFile(file, Buffer.alloc(9));
      const { memory, placements } = placeHead(stored(file, 'BF16', [4, 2]), 1)!;
      expect(() => new HeadKernel(memory, placements[0]!).fill()).toThrow('ends early');
    });
  });
});
