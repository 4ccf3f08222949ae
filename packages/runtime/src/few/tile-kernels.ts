import { FunctionWriter, type Local } from '@moepress/checkpoint/web-assembly';

/** How a matrix is held in tiles: numbers of one type. */
export type TiledFormat = 'bf16' | 'f16' | 'f32';

export const tiledFormats: readonly TiledFormat[] = ['bf16', 'f16', 'f32'];

/** Bytes of a number. */
export const numberBytes: Readonly<Record<TiledFormat, number>> = { bf16: 2, f16: 2, f32: 4 };

/**
 * Rows of a matrix that stand in one tile. A matrix [rows, columns] is held as tiles [rows / 16][columns][16], the last one
 * filled up with zeros: each number of x meets numbers of W that lie side by side, so that nothing is added up across
 * a vector, and what is read is one stretch of memory. (Measured with two threads of Zen 4: 22 GB/s each where they read 24, and 15 with
 * tiles of eight rows, two of them at once.)
 */
export const tileRows = 16;

/** Rows that are multiplied at once with three or four inputs, whose sums fill the registers. */
const halfTile = tileRows / 2;

/** Inputs that a product takes at once. */
export type Together = 1 | 2 | 3 | 4;

export type TileName = `${TiledFormat}${Together}`;

/**
 * Y = X W^T for `count` tiles of W at `weights` and inputs x that stand interleaved, [columns][inputs]; the numbers of an
 * input follow each other in y, those of the next input are `stride` bytes further. Addresses are in bytes. Each number of y is one sum in
 * the order of the columns, whatever is multiplied beside it: an input gives the same bits alone and among others.
 */
export type TileProduct = (
  ...of: readonly [weights: number, count: number, columns: number, x: number, y: number, stride: number]
) => void;

export const tileKernels = (): FunctionWriter[] =>
  tiledFormats.flatMap((format) =>
    ([1, 2, 3, 4] as const).map((inputs) => tileKernel(`${format}${inputs}`, format, inputs)),
  );

/** 16 billion multiplications a second and core with three or four inputs, 10 with one (Zen 4, measured). */
function tileKernel(name: TileName, format: TiledFormat, inputs: Together): FunctionWriter {
  const code = new FunctionWriter(name, 6);
  const [weights, count, columns, x, y, stride] = [0, 1, 2, 3, 4, 5];
  const integer = () => code.local('i32');
  const [tile, lastY, end, place, out] = [integer(), integer(), integer(), integer(), integer()];
  const rows = inputs <= 2 ? tileRows : halfTile;
  const values = Array.from({ length: rows / 4 }, () => code.local('v128'));
  const sums = Array.from({ length: inputs }, () => values.map(() => code.local('v128')));
  const share = code.local('v128');
  const load = loading(code, format, values);
  const step = numberBytes[format] * tileRows;
  const times = (local: Local, factor: number) => code.get(local).int(factor).do('i32.mul');
  times(count, 4 * tileRows)
    .get(y)
    .do('i32.add')
    .set(lastY);
  times(columns, 4 * inputs)
    .get(x)
    .do('i32.add')
    .set(end);
  code.while(y, lastY, () => {
    code.get(weights).set(tile);
    for (let first = 0; first < tileRows; first += rows) {
      code.get(tile).set(weights);
      code.get(x).set(place);
      for (const sum of sums.flat()) code.vector(0).set(sum);
      code.while(place, end, () => {
        load(weights, numberBytes[format] * first);
        for (const [i, own] of sums.entries()) {
          const at = 4 * i;
          code.get(place).at('v128.load32_splat', at).set(share);
          for (const [v, value] of values.entries()) {
            code.get(own[v]!, value, share).do('f32x4.mul', 'f32x4.add').set(own[v]!);
          }
        }
        code.advance(weights, step).advance(place, 4 * inputs);
      });
      code.get(y).set(out);
      for (const own of sums) {
        for (const [v, sum] of own.entries()) code.get(out, sum).at('v128.store', 4 * first + 16 * v);
        code.get(out, stride).do('i32.add').set(out);
      }
    }
    code.advance(y, 4 * tileRows);
  });
  return code;
}

/**
 * Writes what sets locals to numbers of a column of a tile, from a place on. Of 16 bits two are one word, of which the lower half is shifted
 * up and the upper one masked: the first local gets the four of even place of eight, the second those of odd place.
 */
function loading(
  code: FunctionWriter,
  format: TiledFormat,
  values: readonly Local[],
): (address: Local, offset: number) => void {
  if (format === 'f32') {
    return (address, offset) => {
      for (const [v, value] of values.entries()) {
        const at = offset + 16 * v;
        code.get(address).at('v128.load', at).set(value);
      }
    };
  }
  const [pair, bits, wide] = [code.local('v128'), code.local('v128'), code.local('v128')];
  return (address, offset) => {
    for (let v = 0; v < values.length; v += 2) {
      const at = offset + 8 * v;
      code.get(address).at('v128.load', at).set(pair);
      for (const half of [0, 1]) {
        const upper = () =>
          half === 0
            ? code.get(pair).int(16).do('i32x4.shl')
            : code.get(pair).vector(0xffff0000).do('v128.and');
        if (format === 'bf16') upper();
        else fromHalf(code, upper, bits, wide);
        code.set(values[v + half]!);
      }
    }
  };
}

/**
 * Halves that stand in the upper bits of words, as fp32: exponent and fraction three places lower are those of a number
 * 2^112 too small. What comes out above all halves has been NaN or infinite, and is infinite.
 */
function fromHalf(code: FunctionWriter, half: () => void, bits: Local, value: Local): void {
  half();
  code.set(bits);
  code.get(bits).vector(0x7fff0000).do('v128.and').int(3).do('i32x4.shr_u').vector(0x77800000);
  code.do('f32x4.mul').set(value);
  code.get(value, value).vector(0x47800000).do('f32x4.ge').vector(0x7f800000).do('v128.and', 'v128.or');
  code.get(bits).vector(0x80000000).do('v128.and', 'v128.or');
}

/**
 * Which row stands where in a column of a tile: y has the sums of the four of even place of eight, then those of odd place, and
 * should have them in the order of the rows.
 */
export const tileOrder: Readonly<Record<TiledFormat, readonly number[]>> = {
  bf16: [0, 8].flatMap((first) => [0, 4, 1, 5, 2, 6, 3, 7].map((row) => first + row)),
  f16: [0, 8].flatMap((first) => [0, 4, 1, 5, 2, 6, 3, 7].map((row) => first + row)),
  f32: Array.from({ length: tileRows }, (_, row) => row),
};
