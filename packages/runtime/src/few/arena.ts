import { webAssembly } from '@moepress/checkpoint/web-assembly';
import { arrange, type Format, groupBytes, groupOf, type Products, productModule } from './products.js';

const pageBytes = 65536;

/** Bytes of the largest memory, less than the 2^32 that can be addressed, so that no end of anything is 0. */
export const mostArenaBytes = 2 ** 32 - pageBytes;

/** Bytes of weights that all inputs meet before the next ones come: they stay in a core's inner cache. */
const tileBytes = 65536;

/** Rows of a matrix that lie in an arena. */
export interface Placed {
  readonly format: Format;
  readonly rows: number;
  /** Columns as they are stored: a multiple of the format's group. */
  readonly columns: number;
  readonly at: number;
  /** Where the scales stand, if the format has any. */
  readonly scalesAt: number;
}

/** Vectors of one length that matrices are multiplied with. */
export interface Input {
  readonly rows: readonly Float32Array[];
  readonly width: number;
  /** Different for what has been written since. */
  readonly id: number;
}

/** Sizes of the largest input and the largest output of a product, in numbers, and how many rows there are at most. */
export interface Widest {
  readonly columns: number;
  readonly rows: number;
  readonly inputs: number;
}

let module: object | undefined;

/** A memory of this thread, with the products that are made in it and room for what goes into them and comes out. */
export class Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly floats: Float32Array;
  readonly products: Products;
  readonly #inputs: string[];
  readonly #widest: Widest;
  /** Where what is placed in it begins. */
  readonly start: number;
  readonly end: number;

  /** Throws a `RangeError` if the machine has no such memory. */
  constructor(bytes: number, widest: Widest) {
    this.start = Math.ceil((4 * widest.inputs * (widest.columns + 2 * widest.rows)) / 64) * 64;
    const pages = Math.ceil(Math.min(mostArenaBytes, this.start + bytes) / pageBytes);
    const memory = new webAssembly.Memory({ initial: pages, maximum: pages });
    module ??= new webAssembly.Module(productModule());
    const { exports } = new webAssembly.Instance(module, { memory: { own: memory } });
    this.products = exports as unknown as Products;
    this.bytes = new Uint8Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
    this.end = pages * pageBytes;
    this.#widest = widest;
    this.#inputs = new Array<string>(widest.inputs).fill('');
  }

  /**
   * The products of a matrix with some of the inputs, in memory that the next product with the same `slot`, 0 or 1, writes
   * over.
   */
  multiply(matrix: Placed, input: Input, chosen: readonly number[], slot: 0 | 1 = 0): Float32Array[] {
    const { columns, rows, inputs } = this.#widest;
    const xAt = (i: number) => 4 * columns * i;
    const yAt = (i: number) => 4 * (columns * inputs + rows * (slot * inputs + i));
    for (const [i, row] of chosen.entries()) this.#place(matrix, input, row, i);
    if (chosen.length === 1) {
      this.#rows(matrix, { first: 0, count: matrix.rows }, xAt(0), yAt(0));
    } else {
      const rowBytes = (matrix.columns / groupOf[matrix.format]) * groupBytes[matrix.format];
      const some = Math.max(1, Math.floor(tileBytes / Math.max(1, rowBytes)));
      for (let first = 0; first < matrix.rows; first += some) {
        const count = Math.min(some, matrix.rows - first);
        for (const i of chosen.keys()) this.#rows(matrix, { first, count }, xAt(i), yAt(i) + 4 * first);
      }
    }
    return chosen.map((_, i) => this.floats.subarray(yAt(i) / 4, yAt(i) / 4 + matrix.rows));
  }

  #rows(
    { format, columns, at, scalesAt }: Placed,
    { first, count }: { readonly first: number; readonly count: number },
    x: number,
    y: number,
  ): void {
    const groups = columns / groupOf[format];
    const from = at + first * groups * groupBytes[format];
    if (format === 'mxfp4') {
      this.products.mxfp4(from, count, columns, x, y, scalesAt + 4 * first * groups);
    } else {
      this.products[format](from, count, columns, x, y);
    }
  }

  /** Puts a row of the input into the i-th place, unless it is there. */
  #place({ format, columns }: Placed, { rows, id }: Input, row: number, i: number): void {
    const order = format === 'bf16' || format === 'f16' ? 'halves' : format;
    const key = `${id}/${row}/${order}/${columns}`;
    if (this.#inputs[i] === key) return;
    this.#inputs[i] = key;
    const at = this.#widest.columns * i;
    arrange(format, rows[row]!, this.floats.subarray(at, at + columns), columns);
  }
}
