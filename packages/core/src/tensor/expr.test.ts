import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteLength, type DType } from './dtype.js';
import {
  cols,
  concat,
  describe as describeExpr,
  learned,
  lowRank,
  rows,
  type StoredTensor,
  scale,
  slab,
  storedBytes,
  storedIn,
  type TensorExpr,
  transpose,
  zeros,
} from './expr.js';
import { sharedScales } from './in-format.js';
import { fp8, mxfp4 } from './quantised.js';

function stored(name: string, height: number, width: number): StoredTensor {
  const shape = [height, width];
  return {
    kind: 'stored',
    name,
    file: '/x.safetensors',
    offset: 0,
    length: byteLength('F32', shape),
    dtype: 'F32',
    shape,
  };
}

type Grid = string[][];

/** What an expression means: element (i, j) of tensor `x` is the string `x[i,j]`. */
function meaning(expr: TensorExpr): string[][] {
  switch (expr.kind) {
    case 'stored':
      return Array.from({ length: expr.shape[0]! }, (_, i) =>
        Array.from({ length: expr.shape[1]! }, (_, j) => `${expr.name}[${i},${j}]`),
      );
    case 'learned':
      return meaning(expr.stored);
    case 'rows':
      return expr.indices.map((i) => meaning(expr.of)[i]!);
    case 'cols':
      return meaning(expr.of).map((row) => expr.indices.map((j) => row[j]!));
    case 'transpose': {
      const of = meaning(expr.of);
      return of[0]!.map((_, j) => of.map((row) => row[j]!));
    }
    case 'zeros':
      return Array.from({ length: expr.shape[0]! }, () => Array(expr.shape[1]!).fill('0'));
    case 'constant':
    case 'block-scaled':
    case 'ggml':
    case 'unpacked':
    case 'packed':
    case 'encoded':
      throw new Error('Its values are a matter of bits.');
    case 'parameter':
      throw new Error('Only an engine has its values.');
    case 'low-rank': {
      const [of, left, right] = [expr.of, expr.left, expr.right].map(meaning) as [Grid, Grid, Grid];
      const product = (i: number, j: number) => right.map((row, k) => `${left[i]![k]}${row[j]}`).join('+');
      return of.map((row, i) => row.map((cell, j) => `${cell}+${expr.factor}(${product(i, j)})`));
    }
    case 'sum': {
      const parts = expr.of.map(meaning);
      return parts[0]!.map((row, i) =>
        row.map((_, j) => parts.map((part, k) => `${expr.factors[k]}*${part[i]![j]}`).join('+')),
      );
    }
    case 'concat': {
      const parts = expr.of.map(meaning);
      return expr.axis === 0 ? parts.flat() : parts[0]!.map((_, i) => parts.flatMap((part) => part[i]!));
    }
  }
}

const matrix = fc
  .record({ height: fc.integer({ min: 1, max: 5 }), width: fc.integer({ min: 1, max: 5 }) })
  .map(({ height, width }) => stored('x', height, width));
const indicesInto = (size: number) => fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 6 });

/** A matrix with row indices into it and indices into those. */
const nested = matrix.chain((x) =>
  indicesInto(x.shape[0]!).chain((a) => fc.tuple(fc.constant(x), fc.constant(a), indicesInto(a.length))),
);
const grid = matrix.chain((x) =>
  fc.tuple(fc.constant(x), indicesInto(x.shape[0]!), indicesInto(x.shape[1]!)),
);

function hasTrueShape(expr: TensorExpr): void {
  const value = meaning(expr);
  expect(expr.shape).toEqual([value.length, value[0]!.length]);
}

describe('tensor expressions', () => {
  test('rows of rows are rows, one step deep', () => {
    fc.assert(
      fc.property(nested, ([x, a, b]) => {
        const twice = rows(rows(x, a), b);
        const once = b.map((i) => meaning(x)[a[i]!]!);
        expect(meaning(twice)).toEqual(once);
        expect(twice.kind === 'stored' || (twice.kind === 'rows' && twice.of === x)).toBe(true);
        hasTrueShape(twice);
      }),
    );
  });

  test('rows and columns commute', () => {
    fc.assert(
      fc.property(grid, ([x, r, c]) => {
        const value = rows(cols(x, c), r);
        expect(meaning(value)).toEqual(meaning(cols(rows(x, r), c)));
        hasTrueShape(value);
      }),
    );
  });

  test('all rows in order, one part, and a factor of one change nothing', () => {
    fc.assert(
      fc.property(matrix, (x) => {
        const [height, width] = x.shape as [number, number];
        expect(rows(x, [...Array(height).keys()])).toBe(x);
        expect(cols(x, [...Array(width).keys()])).toBe(x);
        expect(concat([x], 0)).toBe(x);
        expect(scale(x, 1)).toBe(x);
      }),
    );
  });

  test('a tensor cut in two and laid together again means the same', () => {
    fc.assert(
      fc.property(matrix, fc.nat(5), fc.constantFrom(0 as const, 1 as const), (x, cut, axis) => {
        const take = axis === 0 ? rows : cols;
        const all = [...Array(x.shape[axis]).keys()];
        const parts = [all.slice(0, cut), all.slice(cut)].filter((part) => part.length > 0);
        const whole = concat(
          parts.map((part) => take(x, part)),
          axis,
        );
        expect(meaning(whole)).toEqual(meaning(x));
        hasTrueShape(whole);
      }),
    );
  });

  test('names every stretch of file it reads', () => {
    const [a, b, c] = [stored('a', 2, 3), stored('b', 4, 3), stored('c', 1, 3)];
    const expr = concat([rows(a, [1]), scale(b, 2), learned('c', c)], 0);
    expect([...storedIn(expr)]).toEqual([a, b, c]);
    expect(describeExpr(expr)).toBe('a [6, 3] F32');
  });

  test.each([
    ['a row too far', () => rows(stored('x', 2, 2), [2]), 'rows() index 2 is outside 0..1'],
    ['a negative column', () => cols(stored('x', 2, 2), [-1]), 'cols() index -1 is outside 0..1'],
    ['half a row', () => rows(stored('x', 2, 2), [0.5]), 'rows() index 0.5'],
    ['columns of a vector', () => cols({ ...stored('x', 2, 2), shape: [4] }, [0]), '2 or more axes'],
    ['nothing to concatenate', () => concat([], 0), 'concat() of no tensors'],
    ['parts of two widths', () => concat([stored('x', 2, 2), stored('y', 2, 3)], 0), 'does not fit'],
    [
      'parts of two dtypes',
      () => concat([stored('x', 2, 2), { ...stored('y', 2, 2), dtype: 'F16' }], 0),
      'does not fit',
    ],
    [
      'an infinite factor',
      () => scale(stored('x', 2, 2), Number.POSITIVE_INFINITY),
      'weightedSum() by Infinity',
    ],
  ])('refuses %s', (_, build, message) => {
    expect(build).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
    expect(build).toThrow(message);
  });
});

describe('what checkpoints store in other ways', () => {
  const of = (dtype: DType, ...shape: number[]): StoredTensor => ({
    ...stored('x', 1, 1),
    dtype,
    shape,
    length: byteLength(dtype, shape),
  });

  test('slab() is one tensor of a stack', () => {
    const stack = { ...of('BF16', 4, 3, 2), offset: 100 };
    expect(slab(stack, 2)).toMatchObject({ name: 'x[2]', shape: [3, 2], offset: 124, length: 12 });
    expect(() => slab(stack, 4)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  test('lowRank() adds a product of narrow matrices', () => {
    const x = lowRank(stored('x', 1, 2), stored('b', 1, 2), stored('a', 2, 2), 3);
    expect(meaning(x)).toEqual([
      ['x[0,0]+3(b[0,0]a[0,0]+b[0,1]a[1,0])', 'x[0,1]+3(b[0,0]a[0,1]+b[0,1]a[1,1])'],
    ]);
    expect([...storedIn(x)].map(({ name }) => name)).toEqual(['x', 'b', 'a']);
    expect(storedBytes(x)).toBe(8);
    expect(() => lowRank(stored('x', 1, 2), stored('b', 1, 2), stored('a', 3, 2), 3)).toThrow('does not fit');
    expect(() => lowRank(stored('x', 1, 2), stored('b', 1, 1), stored('a', 1, 2), Number.NaN)).toThrow('NaN');
  });

  test('transpose() exchanges rows and columns', () => {
    const x = stored('x', 2, 3);
    expect(meaning(transpose(x))).toEqual([
      ['x[0,0]', 'x[1,0]'],
      ['x[0,1]', 'x[1,1]'],
      ['x[0,2]', 'x[1,2]'],
    ]);
    expect(transpose(x).shape).toEqual([3, 2]);
  });

  test('transpose() finds again what was transposed before, beneath a selection, too', () => {
    const x = stored('x', 2, 3);
    expect(transpose(transpose(x))).toBe(x);
    const selected = cols(rows(transpose(x), [2, 0]), [1]);
    expect(transpose(selected)).toEqual(rows(cols(x, [2, 0]), [1]));
    expect(meaning(transpose(selected))).toEqual([['x[1,2]', 'x[1,0]']]);
  });

  test('mxfp4() unpacks two elements a byte and counts as stored', () => {
    const x = mxfp4(of('U8', 6, 32), of('U8', 6, 2));
    expect(x).toMatchObject({ dtype: 'BF16', shape: [6, 64] });
    expect(storedBytes(x)).toBe(6 * 34);
    expect(storedBytes(rows(x, [0, 2]))).toBe(2 * 34);
    expect(() => mxfp4(of('U8', 6, 32), of('U8', 6, 1))).toThrow('do not fit');
  });

  test('fp8() has a factor a square, the last ones cut off', () => {
    const x = fp8(of('F8_E4M3', 200, 100), of('F32', 2, 1), 128);
    expect(x).toMatchObject({ dtype: 'BF16', shape: [200, 100] });
    expect(storedBytes(x)).toBe(200 * 100 + 8);
    expect(() => fp8(of('F8_E4M3', 200, 100), of('F32', 1, 2), 128)).toThrow('do not fit');
  });

  test('sharedScales() counts the neighbours of a block along an axis', () => {
    const squares = fp8(of('F8_E4M3', 200, 100), of('F32', 2, 1), 128);
    const rowwise = mxfp4(of('U8', 6, 32), of('U8', 6, 2));
    expect([squares, rowwise].map((x) => [sharedScales(x, 0), sharedScales(x, 1)])).toEqual([
      [128, 128],
      [1, 32],
    ]);
    expect([sharedScales(transpose(rowwise), 0), sharedScales(rows(rowwise, [0, 2]), 1)]).toEqual([32, 32]);
    expect(sharedScales(stored('x', 4, 4), 1)).toBe(1);
  });

  test('zeros() pads without a file', () => {
    const padded = concat([stored('x', 1, 2), zeros('F32', [1, 2])], 0);
    expect(meaning(padded)).toEqual([
      ['x[0,0]', 'x[0,1]'],
      ['0', '0'],
    ]);
    expect([...storedIn(padded)].map(({ name }) => name)).toEqual(['x']);
  });

  test('storedBytes() of everything else are those of its type', () => {
    const x = stored('x', 4, 4);
    for (const e of [x, rows(x, [1]), cols(x, [1, 2]), concat([x, x], 0), scale(x, 2)]) {
      expect(storedBytes(e)).toBe(byteLength(e.dtype, e.shape));
    }
  });
});
