import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteLength } from './dtype.js';
import {
  cols,
  concat,
  describe as describeExpr,
  learned,
  rows,
  type StoredTensor,
  scale,
  storedIn,
  type TensorExpr,
} from './expr.js';

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
    case 'scale':
      return meaning(expr.of).map((row) => row.map((cell) => `${expr.by}*${cell}`));
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
    ['an infinite factor', () => scale(stored('x', 2, 2), Number.POSITIVE_INFINITY), 'scale() by Infinity'],
  ])('refuses %s', (_, build, message) => {
    expect(build).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
    expect(build).toThrow(message);
  });
});
