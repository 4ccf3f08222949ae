import { FunctionWriter, type Local } from '@moepress/checkpoint/web-assembly';
import { e2m1Values } from '@moepress/core/tensor';

/** What has products row by row: keys in fp32, and four-bit codes with a scale for each 32 of a row. */
type RowFormat = 'dots' | 'mxfp4';

/** Four-bit codes that share a scale, and the bytes that they take. The scales, of four bytes each, stand behind those of all rows. */
export const [codesTogether, codeBytes] = [32, 16];

/** Columns that are multiplied at once, and their bytes. */
const groupOf: Readonly<Record<RowFormat, number>> = { dots: 8, mxfp4: codesTogether };
const groupBytes: Readonly<Record<RowFormat, number>> = { dots: 32, mxfp4: codeBytes };

/** Vectors of an iteration: that many sums run side by side, so that one does not wait for another. */
const unrolled = 4;

/** The functions `dots`, `mxfp4` and `weighted`. */
export const rowKernels = (): FunctionWriter[] => [floats(), fourBits(), weightedRows()];

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
  name: RowFormat,
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

function floats(): FunctionWriter {
  const code = new FunctionWriter('dots', 5);
  return product('dots', {
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
const tables = [24, 16].map((shift) => {
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
        lookUp(nibbles, tables[0], high);
        lookUp(nibbles, tables[1], low);
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

/** Where each number of 32 of x stands in its arrangement: lower nibbles of the first and the last eight bytes, then the higher ones; of each the even ones first. */
const order = [0, 1].flatMap((nibble) =>
  [0, 8].flatMap((first) => [0, 1].flatMap((odd) => [0, 2, 4, 6].map((k) => 2 * (first + k + odd) + nibble))),
);

/** Writes x, a multiple of 32 numbers, as products with four-bit codes read it. */
export function arrange(x: Float32Array, into: Float32Array): void {
  for (let i = 0; i < x.length; i += 32) for (let k = 0; k < 32; k++) into[i + k] = x[i + order[k]!]!;
}
