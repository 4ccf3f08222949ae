import { fromFloat32 } from '@moepress/checkpoint';
import { webAssembly } from '@moepress/checkpoint/web-assembly';
import { e2m1Values } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { arrange, type Format, groupOf, type Products, productModule } from './products.js';

const memory = new webAssembly.Memory({ initial: 4, maximum: 4 });
const { exports } = new webAssembly.Instance(new webAssembly.Module(productModule()), {
  memory: { own: memory },
});
const products = exports as unknown as Products;
const bytes = new Uint8Array(memory.buffer);
const floats = new Float32Array(memory.buffer);

/** Weights stand at an odd place, x at 0. */
const [at, yAt, scalesAt] = [65537, 32768, 40000];

const numbers = (count: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * (1 + seed)));

/** W x for rows of `columns` numbers. */
function product(format: Exclude<Format, 'mxfp4'>, weights: Uint8Array, rows: number, x: Float32Array) {
  const columns = Math.ceil(x.length / groupOf[format]) * groupOf[format];
  bytes.fill(0xff, 0, 65536);
  bytes.set(weights, at);
  arrange(format, x, floats, columns);
  products[format](at, rows, columns, 0, yAt);
  return floats.slice(yAt / 4, yAt / 4 + rows);
}

const typeOf = { bf16: 'BF16', f16: 'F16', f32: 'F32' } as const;
const halfOf = { bf16: 0x3f80, f16: 0x3c00 } as const;

describe.each(['bf16', 'f16', 'f32'] as const)('%s', (format) => {
  it('multiplies as a loop does', () => {
    for (const columns of [0, 1, 7, 8, 31, 32, 40, 63, 257]) {
      const padded = Math.ceil(columns / 8) * 8;
      for (const rows of [0, 1, 3]) {
        const weights = numbers(rows * padded, 1).map((value, i) => (i % padded < columns ? value : 0));
        const stored = fromFloat32(weights.slice(), typeOf[format]);
        const x = numbers(columns, 2);
        for (const [row, y] of product(format, stored, rows, x).entries()) {
          let [sum, length] = [0, 0];
          for (const [i, value] of x.entries()) {
            sum += weights[row * padded + i]! * value;
            length += Math.abs(weights[row * padded + i]! * value);
          }
          // A BF16 number has eight bits, a half eleven.
          const rounding = { bf16: 2 ** -8, f16: 2 ** -11, f32: 0 }[format];
          expect(Math.abs(y - sum)).toBeLessThanOrEqual((1e-6 + rounding) * length);
        }
      }
    }
  });
});

describe.each(['bf16', 'f16'] as const)('numbers of %s', (format) => {
  it('are exact, whatever they are, and stay out of what their neighbours give', () => {
    const columns = 40;
    for (const column of [0, 5, 13, 34, 39]) {
      const of = (bits: number, x = 1) => {
        const halves = new Uint16Array(columns);
        halves[column] = bits;
        return product(format, new Uint8Array(halves.buffer), 1, new Float32Array(columns).fill(x))[0]!;
      };
      const one = halfOf[format];
      expect(of(one, 3)).toBe(3);
      expect(of(one | 0x8000, 3)).toBe(-3);
      expect(of(0x0001)).toBe(format === 'bf16' ? 2 ** -133 : 2 ** -24);
      expect(of(0x8003)).toBe(-3 * (format === 'bf16' ? 2 ** -133 : 2 ** -24));
      const infinite = format === 'bf16' ? 0x7f80 : 0x7c00;
      expect(of(infinite)).toBe(Number.POSITIVE_INFINITY);
      expect(of(infinite | 0x8000)).toBe(Number.NEGATIVE_INFINITY);
      expect(of(infinite - 1)).toBe(format === 'bf16' ? 3.3895313892515355e38 : 65504);
      expect(Number.isFinite(of(infinite + 5))).toBe(false);
    }
  });
});

describe('mxfp4', () => {
  it('multiplies codes with their scales', () => {
    const rows = 3;
    for (const columns of [32, 96, 160]) {
      const codes = Uint8Array.from({ length: (rows * columns) / 2 }, (_, i) => (i * 37 + 11) & 0xff);
      const scales = Float32Array.from({ length: (rows * columns) / 32 }, (_, i) => 2 ** ((i % 7) - 3));
      const x = numbers(columns, 3);
      bytes.set(codes, at);
      floats.set(scales, scalesAt / 4);
      arrange('mxfp4', x, floats, columns);
      products.mxfp4(at, rows, columns, 0, yAt, scalesAt);
      for (let row = 0; row < rows; row++) {
        const sum = x.reduce((total, value, i) => {
          const place = row * columns + i;
          const code = (codes[place >> 1]! >> (4 * (place % 2))) & 15;
          return total + e2m1Values[code]! * scales[place >> 5]! * value;
        }, 0);
        expect(floats[yAt / 4 + row]).toBeCloseTo(sum, 3);
      }
    }
  });
});

describe('weighted', () => {
  it('adds rows up', () => {
    for (const [rows, columns] of [
      [0, 8],
      [1, 16],
      [5, 40],
    ] as const) {
      const values = numbers(rows * columns, 4);
      const p = numbers(rows, 5);
      floats.set(values, 20000);
      floats.set(p, 0);
      products.weighted(80000, rows, columns, 0, yAt);
      for (let column = 0; column < columns; column++) {
        const sum = p.reduce((total, share, row) => total + share * values[row * columns + column]!, 0);
        expect(floats[yAt / 4 + column]).toBeCloseTo(sum, 5);
      }
    }
  });
});
