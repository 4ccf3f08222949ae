import { assemble } from '@moepress/checkpoint/web-assembly';
import { type PackRows, packKernels } from './pack-rows.js';
import { rowKernels } from './row-kernels.js';
import { type TiledFormat, type TileName, type TileProduct, tileKernels } from './tile-kernels.js';

/** How a matrix is held for products: numbers of one type in tiles, or rows of four-bit codes with a scale for each 32 of a row. */
export type Format = TiledFormat | 'mxfp4';

/** What the module exports. Addresses are in bytes, sizes in numbers; whatever is read or written lies in the module's memory. */
export interface Products extends Readonly<Record<TileName, TileProduct>> {
  readonly pack16: PackRows;
  readonly pack32: PackRows;
  /** y = W x for W fp32 [rows, columns] at `weights`; `columns` is a multiple of 8. */
  dots(weights: number, rows: number, columns: number, x: number, y: number): void;
  /** The same for four-bit codes, where x is arranged by `arrange`, with the scales, fp32 [rows, columns / 32], at `scales`. */
  mxfp4(weights: number, rows: number, columns: number, x: number, y: number, scales: number): void;
  /** y = Σ p[r] V[r], for V fp32 [rows, columns] and p fp32 [rows]; `columns` is a multiple of 8. */
  weighted(values: number, rows: number, columns: number, p: number, y: number): void;
}

/** The module of products for decoding without ONNX Runtime. */
export const productModule = (): Uint8Array<ArrayBuffer> =>
  assemble([...tileKernels(), ...packKernels(), ...rowKernels()], 'own');
