import { FunctionWriter, type Local } from '@moepress/checkpoint/web-assembly';

/** How a matrix is held in tiles: numbers of one type. */
export type TiledFormat = 'bf16' | 'f16' | 'f32';

export const tiledFormats: readonly TiledFormat[] = ['bf16', 'f16', 'f32'];

/** Bytes of a number. */
export const numberBytes: Readonly<Record<TiledFormat, number>> = { bf16: 2, f16: 2, f32: 4 };

/**
 * Rows of a matrix that stand in one tile. A matrix [rows, columns] is held as tiles [rows / 8][columns][8], the last one
 * filled up with zeros: each number of x meets eight numbers of W that lie side by side, so that nothing is added up across
 * a vector, and a tile is one stretch of memory.
 */
export const tileRows = 8;

/** Inputs that a product takes at once: their sums fill the registers. */
export type Together = 1 | 2 | 3 | 4;

/** Tiles that are multiplied side by side where inputs are fewer than registers. */
export type Tiles = 1 | 2;

export type TileName = `${TiledFormat}${Together}` | `${TiledFormat}${1 | 2}twice`;

/**
 * Y = X W^T for `count` tiles of W at `weights` and inputs x that stand interleaved, [columns][inputs]; the numbers of an
 * input follow each other in y, those of the next input are `stride` bytes further. Addresses are in bytes. Each number of y is one sum in
 * the order of the columns, whatever is multiplied beside it: an input gives the same bits alone and among others.
 */
export type TileProduct = (
  ...of: readonly [weights: number, count: number, columns: number, x: number, y: number, stride: number]
) => void;

/** For fewer than three inputs also one that takes two tiles at once: it makes an even number of them. */
export const tileKernels = (): FunctionWriter[] =>
  tiledFormats.flatMap((format) => [
    ...([1, 2, 3, 4] as const).map((inputs) => tileKernel(`${format}${inputs}`, format, inputs, 1)),
    ...([1, 2] as const).map((inputs) => tileKernel(`${format}${inputs}twice`, format, inputs, 2)),
  ]);

/** 15.6 to 16.4 billion multiplications a second and core with three or four inputs, 9.7 to 10.4 with one (Zen 4, measured). */
function tileKernel(name: TileName, format: TiledFormat, inputs: Together, tiles: Tiles): FunctionWriter {
  const code = new FunctionWriter(name, 6);
  const [weights, count, columns, x, y, stride] = [0, 1, 2, 3, 4, 5];
  const integer = () => code.local('i32');
  const vector = () => code.local('v128');
  const [tileSize, lastY, end, place, out] = [integer(), integer(), integer(), integer(), integer()];
  const next = tiles === 2 ? integer() : weights;
  const streams = tiles === 2 ? [weights, next] : [weights];
  const halves = streams.flatMap((_, tile) => [0, 1].map((half) => ({ tile, half, value: vector() })));
  const sums = Array.from({ length: inputs }, () => halves.map(vector));
  const [share, widen] = [vector(), widening(code, format)];
  const step = numberBytes[format] * tileRows;
  code.get(columns).int(step).do('i32.mul').set(tileSize);
  code
    .get(count)
    .int(4 * tileRows)
    .do('i32.mul')
    .get(y)
    .do('i32.add')
    .set(lastY);
  code
    .get(columns)
    .int(4 * inputs)
    .do('i32.mul')
    .get(x)
    .do('i32.add')
    .set(end);
  code.while(y, lastY, () => {
    if (tiles === 2) code.get(weights, tileSize).do('i32.add').set(next);
    code.get(x).set(place);
    for (const sum of sums.flat()) code.vector(0).set(sum);
    code.while(place, end, () => {
      for (const { tile, half, value } of halves) widen(streams[tile]!, half as 0 | 1, value);
      for (const [i, own] of sums.entries()) {
        code
          .get(place)
          .at('v128.load32_splat', 4 * i)
          .set(share);
        for (const [h, { value }] of halves.entries()) {
          code.get(own[h]!, value, share).do('f32x4.mul', 'f32x4.add').set(own[h]!);
        }
      }
      for (const stream of streams) code.advance(stream, step);
      code.advance(place, 4 * inputs);
    });
    code.get(y).set(out);
    for (const own of sums) {
      for (const [h, sum] of own.entries()) code.get(out, sum).at('v128.store', 16 * h);
      code.get(out, stride).do('i32.add').set(out);
    }
    code.advance(y, 4 * tileRows * tiles);
    if (tiles === 2) code.get(next).set(weights);
  });
  return code;
}

/**
 * Writes what sets a local to four numbers of a tile for one column: those of even place, or those of odd place, where two of 16 bits
 * are one word, of which the lower half is shifted up and the upper one masked.
 */
function widening(
  code: FunctionWriter,
  format: TiledFormat,
): (stream: Local, half: 0 | 1, value: Local) => void {
  if (format === 'f32') {
    return (stream, half, value) =>
      code
        .get(stream)
        .at('v128.load', 16 * half)
        .set(value);
  }
  const pairs = [code.local('v128'), code.local('v128')] as const;
  const [bits, wide] = [code.local('v128'), code.local('v128')];
  let loaded = 0;
  let pair: Local = pairs[0];
  return (stream, half, value) => {
    if (half === 0) {
      pair = pairs[loaded++ % 2]!;
      code.get(stream).at('v128.load').set(pair);
    }
    const upper = () =>
      half === 0 ? code.get(pair).int(16).do('i32x4.shl') : code.get(pair).vector(0xffff0000).do('v128.and');
    if (format === 'bf16') upper();
    else fromHalf(code, upper, bits, wide);
    code.set(value);
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
 * Where the numbers of a tile's column stand: y has the sums of the four of even place, then those of odd place, and
 * should have them in the order of the rows, so the rows are held in this order.
 */
export const tileOrder: Readonly<Record<TiledFormat, readonly number[]>> = {
  bf16: [0, 4, 1, 5, 2, 6, 3, 7],
  f16: [0, 4, 1, 5, 2, 6, 3, 7],
  f32: [0, 1, 2, 3, 4, 5, 6, 7],
};
