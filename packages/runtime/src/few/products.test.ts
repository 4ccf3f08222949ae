import { fromFloat32 } from '@moepress/checkpoint';
import { webAssembly } from '@moepress/checkpoint/web-assembly';
import { e2m1Values } from '@moepress/core/tensor';
import { describe, expect, it } from 'vitest';
import { Arena, type Input } from './arena.js';
import { type Products, productModule } from './products.js';
import { arrange } from './row-kernels.js';
import { numberBytes, type TiledFormat, tiledFormats } from './tile-kernels.js';

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

const typeOf = { bf16: 'BF16', f16: 'F16', f32: 'F32' } as const;
const halfOf = { bf16: 0x3f80, f16: 0x3c00 } as const;

/** An arena with a matrix of rows that are packed as a store packs them. */
function packed(format: TiledFormat, weights: Uint8Array, rows: number, columns: number) {
  const arena = new Arena(65536, { columns, rows: Math.ceil(rows / 16) * 16, inputs: 11 });
  const matrix = { format, rows, columns, at: arena.start, scalesAt: 0 };
  arena.bytes.fill(0xff);
  const rowBytes = columns * numberBytes[format];
  const staging = arena.staging(rowBytes);
  for (let first = 0; first < rows; first += 16) {
    const some = Math.min(16, rows - first);
    arena.bytes.set(weights.subarray(first * rowBytes, (first + some) * rowBytes), staging.at);
    arena.pack(matrix, first, some);
  }
  return { arena, matrix };
}

let inputs = 0;
const inputOf = (rows: readonly Float32Array[]): Input => ({ rows, width: rows[0]!.length, id: inputs++ });

describe.each(tiledFormats)('%s', (format) => {
  it.each([0, 1, 7, 8, 33, 257])(
    'multiplies %i columns as a loop does, with the same bits beside others',
    (columns) => {
      const every = Array.from({ length: 11 }, (_, i) => numbers(columns, 2 + i));
      for (const rows of [0, 1, 3, 8, 23, 40]) {
        const weights = numbers(rows * columns, 1);
        const { arena, matrix } = packed(format, fromFloat32(weights.slice(), typeOf[format]), rows, columns);
        const alone = every.map((x) => arena.multiply(matrix, inputOf([x]), [0])[0]!.slice());
        for (const [i, x] of every.entries()) {
          for (const [row, y] of alone[i]!.entries()) {
            let [sum, length] = [0, 0];
            for (const [k, value] of x.entries()) {
              sum += weights[row * columns + k]! * value;
              length += Math.abs(weights[row * columns + k]! * value);
            }
            // A BF16 number has eight bits, a half eleven.
            const rounding = { bf16: 2 ** -8, f16: 2 ** -11, f32: 0 }[format];
            expect(Math.abs(y - sum)).toBeLessThanOrEqual((2e-6 + rounding) * length);
          }
        }
        const input = inputOf(every);
        for (const chosen of [[0, 1], [2, 1], [4, 5, 6], [0, 2, 4, 10], [0, 1, 2, 3, 4], [...every.keys()]]) {
          const together = arena.multiply(matrix, input, chosen, 1);
          expect(together).toEqual(chosen.map((i) => alone[i]));
        }
      }
    },
  );
});

describe.each(['bf16', 'f16'] as const)('numbers of %s', (format) => {
  it('are exact, whatever they are, and stay out of what their neighbours give', () => {
    const columns = 40;
    for (const column of [0, 5, 13, 34, 39]) {
      for (const row of [0, 4, 6]) {
        const of = (bits: number, x = 1) => {
          const halves = new Uint16Array(7 * columns);
          halves[row * columns + column] = bits;
          const { arena, matrix } = packed(format, new Uint8Array(halves.buffer), 7, columns);
          const input = inputOf([new Float32Array(columns).fill(x)]);
          const y = arena.multiply(matrix, input, [0])[0]!;
          expect(y.filter((value, i) => i !== row && value !== 0)).toHaveLength(0);
          return y[row]!;
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
      arrange(x, floats);
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
