import { FunctionWriter } from '@moepress/checkpoint/web-assembly';
import { numberBytes, type TiledFormat, tileOrder, tileRows } from './tile-kernels.js';

/**
 * Packs the first columns, a multiple of 8 for 16 bits and of 4 for 32, of sixteen rows of `pitch` bytes at `rows` into a tile at `tile`.
 */
export type PackRows = (rows: number, pitch: number, columns: number, tile: number) => void;

/** Columns that are packed at once: those of a vector. */
export const packedColumns = (format: TiledFormat): number => 16 / numberBytes[format];

/** The functions `pack16` and `pack32`. */
export const packKernels = (): FunctionWriter[] => [
  packKernel('pack16', 'bf16'),
  packKernel('pack32', 'f32'),
];

/** Turns blocks of rows and columns in registers: so many rounds of interleaving halves of what there is. */
function packKernel(name: string, format: TiledFormat): FunctionWriter {
  const code = new FunctionWriter(name, 4);
  const [rows, pitch, columns, tile] = [0, 1, 2, 3];
  const size = numberBytes[format];
  const lanes = packedColumns(format);
  const [end, row] = [code.local('i32'), code.local('i32')];
  const vectors = Array.from({ length: tileRows }, () => code.local('v128'));
  const turned = Array.from({ length: tileRows }, () => code.local('v128'));
  code
    .get(columns)
    .int(size * tileRows)
    .do('i32.mul')
    .get(tile)
    .do('i32.add')
    .set(end);
  code.while(tile, end, () => {
    code.get(rows).set(row);
    for (let i = 0; i < tileRows; i++) {
      code.get(row).at('v128.load').set(vectors[tileOrder[format].indexOf(i)]!);
      code.get(row, pitch).do('i32.add').set(row);
    }
    // So many rows at a time make a block; their columns alternate in the tile.
    for (let first = 0; first < tileRows; first += lanes) {
      let [from, to] = [vectors.slice(first, first + lanes), turned.slice(first, first + lanes)];
      for (let width = lanes; width > 1; width /= 2) {
        for (let i = 0; i < lanes / 2; i++) {
          for (const half of [0, 1]) {
            const places = interleaved(size, half * (lanes / 2), lanes);
            code
              .get(from[i]!, from[i + lanes / 2]!)
              .shuffle(places)
              .set(to[2 * i + half]!);
          }
        }
        [from, to] = [to, from];
      }
      for (let column = 0; column < lanes; column++) {
        code.get(tile, from[column]!).at('v128.store', size * (column * tileRows + first));
      }
    }
    code.advance(rows, 16).advance(tile, size * lanes * tileRows);
  });
  return code;
}

/** Bytes of half of the numbers of two vectors, in turns, from the `first` number on. */
const interleaved = (size: number, first: number, lanes: number): number[] =>
  Array.from({ length: lanes }, (_, i) => (i % 2) * lanes + first + (i >> 1)).flatMap((lane) =>
    Array.from({ length: size }, (_, byte) => size * lane + byte),
  );
