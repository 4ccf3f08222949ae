import { webAssembly } from '@moepress/checkpoint/web-assembly';
import { packedColumns } from './pack-rows.js';
import { type Format, type Products, productModule } from './products.js';
import { arrange, codeBytes, codesTogether } from './row-kernels.js';
import { numberBytes, type TiledFormat, type Together, tileOrder, tileRows } from './tile-kernels.js';

const pageBytes = 65536;

/** Bytes of the largest memory, less than the 2^32 that can be addressed, so that no end of anything is 0. */
export const mostArenaBytes = 2 ** 32 - pageBytes;

/** Bytes of weights that all inputs meet before the next ones come: they stay in a core's cache. */
const stretchBytes = 131072;

/** Bytes of rows that are read before they are packed, or those of one tile. */
const leastStagingBytes = 2 ** 20;

/** Rows of a matrix that lie in an arena. */
export interface Placed {
  readonly format: Format;
  readonly rows: number;
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

/** Bytes of an arena beside what is placed in it: inputs and outputs of products, and rows that are packed. */
export const scratchBytes = ({ columns, rows, inputs }: Widest): number =>
  4 * inputs * (columns + 2 * rows) + (columns > 0 ? Math.max(leastStagingBytes, 4 * tileRows * columns) : 0);

/** A memory of this thread, with the products that are made in it and room for what goes into them and comes out. */
export class Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly floats: Float32Array;
  readonly products: Products;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;
  readonly #inputs: string[];
  readonly #widest: Widest;
  /** Where rows stand before they are packed, and where what is placed in it begins. */
  readonly #stagingAt: number;
  readonly start: number;
  readonly end: number;

  /** Throws a `RangeError` if the machine has no such memory. */
  constructor(bytes: number, widest: Widest) {
    const { columns, rows, inputs } = widest;
    this.#stagingAt = Math.ceil((4 * inputs * (columns + 2 * rows)) / 64) * 64;
    this.start = Math.ceil(scratchBytes(widest) / 64) * 64;
    const pages = Math.ceil(Math.min(mostArenaBytes, this.start + bytes) / pageBytes);
    const memory = new webAssembly.Memory({ initial: pages, maximum: pages });
    module ??= new webAssembly.Module(productModule());
    const { exports } = new webAssembly.Instance(module, { memory: { own: memory } });
    this.products = exports as unknown as Products;
    this.bytes = new Uint8Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
    this.#halves = new Uint16Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.end = pages * pageBytes;
    this.#widest = widest;
    this.#inputs = new Array<string>(inputs).fill('');
  }

  /** Where some rows of a matrix are read to before `pack` takes them, and how many whole tiles of them there is room for. */
  staging(rowBytes: number): { readonly at: number; readonly rows: number } {
    const tiles = Math.floor((this.start - this.#stagingAt) / Math.max(1, tileRows * rowBytes));
    return { at: this.#stagingAt, rows: tileRows * tiles };
  }

  /** Packs `count` rows that have been read to `staging` into the tiles of a matrix from its row `first` on, a multiple of `tileRows`. */
  pack(
    { format, columns, at }: Placed & { readonly format: TiledFormat },
    first: number,
    count: number,
  ): void {
    const size = numberBytes[format];
    const rowBytes = size * columns;
    const whole = columns - (columns % packedColumns(format));
    const numbers = size === 2 ? this.#halves : this.#words;
    const pack = size === 2 ? this.products.pack16 : this.products.pack32;
    this.bytes.fill(
      0,
      this.#stagingAt + count * rowBytes,
      this.#stagingAt + Math.ceil(count / tileRows) * tileRows * rowBytes,
    );
    for (let row = 0; row < count; row += tileRows) {
      const from = this.#stagingAt + row * rowBytes;
      const tile = at + (first + row) * rowBytes;
      pack(from, rowBytes, whole, tile);
      for (let column = whole; column < columns; column++) {
        for (const [place, r] of tileOrder[format].entries()) {
          numbers[tile / size + column * tileRows + place] = numbers[from / size + r * columns + column]!;
        }
      }
    }
  }

  /**
   * The products of a matrix with some of the inputs, in memory that the next product with the same `slot`, 0 or 1, writes
   * over.
   */
  multiply(matrix: Placed, input: Input, chosen: readonly number[], slot: 0 | 1 = 0): Float32Array[] {
    const { columns, rows, inputs } = this.#widest;
    const yAt = (i: number) => 4 * (columns * inputs + rows * (slot * inputs + i));
    if (matrix.format === 'mxfp4') this.#rowByRow(matrix, input, chosen, yAt);
    else this.#byTiles({ ...matrix, format: matrix.format }, input, chosen, yAt);
    return chosen.map((_, i) => this.floats.subarray(yAt(i) / 4, yAt(i) / 4 + matrix.rows));
  }

  #byTiles(
    { format, rows, columns, at }: Placed & { readonly format: TiledFormat },
    input: Input,
    chosen: readonly number[],
    yAt: (i: number) => number,
  ): void {
    const groups = grouped(chosen.length).map(({ first, inputs }) => ({
      inputs,
      x: this.#interleaved(input, chosen.slice(first, first + inputs), first),
      y: yAt(first),
    }));
    const stride = 4 * this.#widest.rows;
    const tileBytes = numberBytes[format] * tileRows * columns;
    const tiles = Math.ceil(rows / tileRows);
    const some = groups.length === 1 ? tiles : Math.max(1, Math.floor(stretchBytes / Math.max(1, tileBytes)));
    for (let first = 0; first < tiles; first += some) {
      const count = Math.min(some, tiles - first);
      for (const { inputs, x, y } of groups) {
        const product = this.products[`${format}${inputs}`];
        product(at + first * tileBytes, count, columns, x, y + 4 * tileRows * first, stride);
      }
    }
  }

  /** The address of some rows of the input, number by number in turns, from the place of the `first` one on. */
  #interleaved({ rows, width, id }: Input, chosen: readonly number[], first: number): number {
    const at = this.#widest.columns * first;
    if (this.#isThere(`${id}/${chosen.join()}`, first, chosen.length)) return 4 * at;
    const { floats } = this;
    const count = chosen.length;
    for (const [i, row] of chosen.entries()) {
      const own = rows[row]!;
      if (count === 1) floats.set(own, at);
      else for (let k = 0, place = at + i; k < width; k++, place += count) floats[place] = own[k]!;
    }
    return 4 * at;
  }

  /** Whether places from `first` on hold what the key says. If they do not, they are about to. */
  #isThere(key: string, first: number, count: number): boolean {
    if (this.#inputs[first] === key) return true;
    this.#inputs.fill('', first, first + count);
    this.#inputs[first] = key;
    return false;
  }

  #rowByRow(
    { rows, columns, at, scalesAt }: Placed,
    input: Input,
    chosen: readonly number[],
    yAt: (i: number) => number,
  ): void {
    const groups = columns / codesTogether;
    const rowBytes = groups * codeBytes;
    const xs = chosen.map((row, i) => {
      const x = this.#widest.columns * i;
      if (!this.#isThere(`${input.id}/${row} arranged`, i, 1)) {
        arrange(input.rows[row]!, this.floats.subarray(x, x + columns));
      }
      return 4 * x;
    });
    const some = chosen.length === 1 ? rows : Math.max(1, Math.floor(stretchBytes / Math.max(1, rowBytes)));
    for (let first = 0; first < rows; first += some) {
      const count = Math.min(some, rows - first);
      for (const [i, x] of xs.entries()) {
        const scales = scalesAt + 4 * first * groups;
        this.products.mxfp4(at + first * rowBytes, count, columns, x, yAt(i) + 4 * first, scales);
      }
    }
  }
}

/** Inputs that go through a matrix together: four where there are so many, and never one beside four. */
function grouped(count: number): { readonly first: number; readonly inputs: Together }[] {
  const groups: { first: number; inputs: Together }[] = [];
  for (let first = 0; first < count; ) {
    const rest = count - first;
    const inputs = rest === 5 ? 3 : (Math.min(4, rest) as Together);
    groups.push({ first, inputs });
    first += inputs;
  }
  return groups;
}
