import { assemble, FunctionWriter, type Local } from '@moepress/checkpoint/web-assembly';
import { e2m1Values } from '@moepress/core/tensor';

/** How a matrix is held for products: numbers of one type, or four-bit codes with a scale for each 32 of a row. */
export type Format = 'bf16' | 'f16' | 'f32' | 'mxfp4';

/** Columns that are multiplied at once; rows are filled up to a multiple of it. */
export const groupOf: Readonly<Record<Format, number>> = { bf16: 8, f16: 8, f32: 8, mxfp4: 32 };

/** Bytes of the numbers of a group; four-bit codes have a scale of four bytes besides, behind those of all rows. */
export const groupBytes: Readonly<Record<Format, number>> = { bf16: 16, f16: 16, f32: 32, mxfp4: 16 };

/** What the module exports. Addresses are in bytes, sizes in numbers; whatever is read or written lies in the module's memory. */
export interface Products {
  /** y = W x for W [rows, columns] at `weights`, where x is arranged by `arrange` and `columns` is a multiple of the group. */
  bf16(weights: number, rows: number, columns: number, x: number, y: number): void;
  f16(weights: number, rows: number, columns: number, x: number, y: number): void;
  f32(weights: number, rows: number, columns: number, x: number, y: number): void;
  /** The same with the scales, fp32 [rows, columns / 32], at `scales`. */
  mxfp4(weights: number, rows: number, columns: number, x: number, y: number, scales: number): void;
  /** y = Σ p[r] V[r], for V fp32 [rows, columns] and p fp32 [rows]; `columns` is a multiple of 8. */
  weighted(values: number, rows: number, columns: number, p: number, y: number): void;
}

/** Vectors of an iteration: that many sums run side by side, so that one does not wait for another. */
const unrolled = 4;

/**
 * The module of products for decoding a few sequences. One row of W after the other, because one stream of memory is
 * fetched ahead best: 10 billion BF16 weights a second and core.
 */
export function productModule(): Uint8Array<ArrayBuffer> {
  return assemble([halves('bf16'), halves('f16'), floats(), fourBits(), weightedRows()], 'own');
}

interface RowLoop {
  readonly code: FunctionWriter;
  /** The places in the row of W and in x. */
  readonly weights: Local;
  readonly place: Local;
  /** Two of them for each vector of an iteration. */
  readonly sums: readonly Local[];
}

/** A product whose groups are added by `addGroup`, the i-th one of an iteration, to some of the sums. */
function product(
  name: Format,
  { code, addGroup }: { readonly code: FunctionWriter; addGroup(loop: RowLoop, i: number): void },
): FunctionWriter {
  const [weights, rows, columns, x, y] = [0, 1, 2, 3, 4];
  const [lastY, unrolledEnd, end, place] = [integer(code), integer(code), integer(code), integer(code)];
  const sums = Array.from({ length: 2 * unrolled }, () => code.local('v128'));
  const loop = { code, weights, place, sums };
  const group = groupOf[name];
  const advance = (groups: number) =>
    code.advance(weights, groupBytes[name] * groups).advance(place, 4 * group * groups);
  code.get(rows).int(4).do('i32.mul').get(y).do('i32.add').set(lastY);
  endOf(code, { x, columns, group: group * unrolled }, unrolledEnd);
  endOf(code, { x, columns, group }, end);
  code.while(y, lastY, () => {
    code.get(x).set(place);
    for (const sum of sums) code.vector(0).set(sum);
    code.while(place, unrolledEnd, () => {
      for (let i = 0; i < unrolled; i++) addGroup(loop, i);
      advance(unrolled);
    });
    code.while(place, end, () => {
      addGroup(loop, 0);
      advance(1);
    });
    const [first, ...others] = sums as [Local, ...Local[]];
    for (const other of others) code.get(first, other).do('f32x4.add').set(first);
    code.get(y).get(first).lane(0).get(first).lane(1).do('f32.add');
    code.get(first).lane(2).get(first).lane(3).do('f32.add', 'f32.add').at('f32.store').advance(y, 4);
  });
  return code;
}

const integer = (code: FunctionWriter): Local => code.local('i32');

/** The place in x after as many columns as fill groups of so many, a power of two. */
function endOf(
  code: FunctionWriter,
  { x, columns, group }: { readonly x: Local; readonly columns: Local; readonly group: number },
  local: Local,
): void {
  code.get(columns).int(-group).do('i32.and').int(4).do('i32.mul').get(x).do('i32.add').set(local);
}

/** Adds to a sum the four numbers that `widen` puts on the stack, times those of x that are `offset` bytes behind its place. */
function addProducts({ code, place }: RowLoop, sum: Local, offset: number, widen: () => void): void {
  code.get(sum);
  widen();
  code.get(place).at('v128.load', offset).do('f32x4.mul', 'f32x4.add').set(sum);
}

/** Numbers of 16 bits. Two neighbours are one word, of which the lower half is shifted up and the upper one masked. */
function halves(name: 'bf16' | 'f16'): FunctionWriter {
  const code = new FunctionWriter(name, 5);
  const [pair, bits, value] = [code.local('v128'), code.local('v128'), code.local('v128')];
  const upper = () => code.get(pair).vector(0xffff0000).do('v128.and');
  const lower = () => code.get(pair).int(16).do('i32x4.shl');
  const widened = (half: () => void) => (name === 'bf16' ? half() : fromHalf(code, half, bits, value));
  return product(name, {
    code,
    addGroup(loop, i) {
      const { weights, sums } = loop;
      code
        .get(weights)
        .at('v128.load', 16 * i)
        .set(pair);
      addProducts(loop, sums[2 * i]!, 32 * i, () => widened(lower));
      addProducts(loop, sums[2 * i + 1]!, 32 * i + 16, () => widened(upper));
    },
  });
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

function floats(): FunctionWriter {
  const code = new FunctionWriter('f32', 5);
  return product('f32', {
    code,
    addGroup(loop, i) {
      for (const part of [0, 1]) {
        const at = 32 * i + 16 * part;
        addProducts(loop, loop.sums[2 * i + part]!, at, () => code.get(loop.weights).at('v128.load', at));
      }
    },
  });
}

/** The upper and the next byte of the fp32 bits of each E2M1 code; the other two are 0. */
const codeBytes = [24, 16].map((shift) => {
  const bits = new Uint32Array(Float32Array.from(e2m1Values).buffer);
  return Array.from(bits, (each) => (each >>> shift) & 0xff);
}) as [number[], number[]];

/** Four-bit codes: two tables make the upper halves of 32 numbers of 16 bytes, which go on as BF16 numbers do. */
function fourBits(): FunctionWriter {
  const code = new FunctionWriter('mxfp4', 6);
  const scales: Local = 5;
  const [codes, high, low] = [code.local('v128'), code.local('v128'), code.local('v128')];
  const [pair, upper, inner] = [
    code.local('v128'),
    code.local('v128'),
    [0, 1, 2, 3].map(() => code.local('v128')),
  ];
  const lookUp = (nibbles: () => void, table: readonly number[], into: Local) => {
    code.bytes(table);
    nibbles();
    code.do('i8x16.swizzle').set(into);
  };
  const lower = () => code.get(codes).vector(0x0f0f0f0f).do('v128.and');
  const higher = () => code.get(codes).int(4).do('i8x16.shr_u');
  return product('mxfp4', {
    code,
    addGroup(loop, i) {
      const { weights, sums } = loop;
      code
        .get(weights)
        .at('v128.load', 16 * i)
        .set(codes);
      for (const sum of inner) code.vector(0).set(sum);
      for (const [n, nibbles] of [lower, higher].entries()) {
        lookUp(nibbles, codeBytes[0], high);
        lookUp(nibbles, codeBytes[1], low);
        for (const part of [0, 1]) {
          const places = Array.from({ length: 16 }, (_, k) => (k % 2 === 0 ? 0 : 16) + 8 * part + (k >> 1));
          code.get(low, high).shuffle(places).set(pair);
          const at = 128 * i + 64 * n + 32 * part;
          addProducts(loop, inner[2 * part]!, at, () => code.get(pair).int(16).do('i32x4.shl'));
          code.get(pair).vector(0xffff0000).do('v128.and').set(upper);
          addProducts(loop, inner[2 * part + 1]!, at + 16, () => code.get(upper));
        }
      }
      code
        .get(sums[2 * i]!)
        .get(inner[0]!, inner[1]!)
        .do('f32x4.add')
        .get(inner[2]!, inner[3]!);
      code.do('f32x4.add', 'f32x4.add').get(scales).at('v128.load32_splat').do('f32x4.mul', 'f32x4.add');
      code.set(sums[2 * i]!).advance(scales, 4);
    },
  });
}

/** Columns that are added up at once, each four of them in a sum. */
const weightedColumns = 8;

function weightedRows(): FunctionWriter {
  const code = new FunctionWriter('weighted', 5);
  const [values, rows, columns, p, y] = [0, 1, 2, 3, 4];
  const [lastP, lastY, place, factor, row] = [0, 1, 2, 3, 4].map(() => integer(code)) as [
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const [left, right, share] = [code.local('v128'), code.local('v128'), code.local('v128')];
  const bytes = (count: Local) => code.get(count).int(4).do('i32.mul');
  bytes(rows).get(p).do('i32.add').set(lastP);
  bytes(columns).get(y).do('i32.add').set(lastY);
  bytes(columns).set(row);
  code.while(y, lastY, () => {
    code.get(values).set(place);
    code.get(p).set(factor);
    code.vector(0).set(left).vector(0).set(right);
    code.while(factor, lastP, () => {
      code.get(factor).at('v128.load32_splat').set(share);
      code.get(left).get(place).at('v128.load').get(share).do('f32x4.mul', 'f32x4.add').set(left);
      code.get(right).get(place).at('v128.load', 16).get(share).do('f32x4.mul', 'f32x4.add').set(right);
      code.get(place, row).do('i32.add').set(place);
      code.advance(factor, 4);
    });
    code.get(y, left).at('v128.store');
    code.get(y, right).at('v128.store', 16);
    code.advance(y, 4 * weightedColumns).advance(values, 4 * weightedColumns);
  });
  return code;
}

/** Where each number of a group of x stands in its arrangement. */
const orders: Readonly<Record<Format, readonly number[]>> = {
  f32: [0, 1, 2, 3, 4, 5, 6, 7],
  bf16: [0, 2, 4, 6, 1, 3, 5, 7],
  f16: [0, 2, 4, 6, 1, 3, 5, 7],
  // Lower nibbles of the first and the last eight bytes, then the higher ones; of each the even ones first.
  mxfp4: [0, 1].flatMap((nibble) =>
    [0, 8].flatMap((first) =>
      [0, 1].flatMap((odd) => [0, 2, 4, 6].map((k) => 2 * (first + k + odd) + nibble)),
    ),
  ),
};

/** Writes x as the products read it, filled up with zeros to `columns` numbers. */
export function arrange(format: Format, x: Float32Array, into: Float32Array, columns: number): void {
  if (format === 'f32') {
    into.set(x);
    into.fill(0, x.length, columns);
    return;
  }
  const order = orders[format];
  const group = order.length;
  const whole = x.length - (x.length % group);
  for (let i = 0; i < whole; i += group) for (let k = 0; k < group; k++) into[i + k] = x[i + order[k]!]!;
  for (let i = whole; i < columns; i++) into[i] = x[whole + order[i - whole]!] ?? 0;
}
