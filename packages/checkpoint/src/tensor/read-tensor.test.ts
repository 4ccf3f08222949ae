import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  byteLength,
  cols,
  concat,
  type DType,
  dtypeBits,
  elementCount,
  rows,
  type StoredTensor,
  scale,
  type TensorExpr,
  transpose,
  zeros,
} from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { bytesOf, decodeFloat32, hasNonFinite } from './read-tensor.js';

/** A tensor whose every byte differs from its neighbours, at an odd offset of a real file. */
async function stored(dtype: DType, shape: number[], data?: Uint8Array): Promise<StoredTensor> {
  const file = join(await temporaryFolder(), 'data');
  const length = byteLength(dtype, shape);
  const bytes = data ?? Uint8Array.from({ length }, (_, i) => (i * 37 + (i >> 8)) & 0xff);
  await writeFile(file, Buffer.concat([Buffer.alloc(3), bytes]));
  return { kind: 'stored', name: 't', file, offset: 3, length, dtype, shape };
}

async function read(expr: TensorExpr, block?: number): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const bytes of bytesOf(expr, block)) blocks.push(bytes);
  return Buffer.concat(blocks);
}

/** The same by the definition: element [row, column] of each expression, as bytes. */
function element(expr: TensorExpr, base: Buffer, row: number, column: number): Buffer {
  if (expr.kind === 'rows') return element(expr.of, base, expr.indices[row]!, column);
  if (expr.kind === 'cols') return element(expr.of, base, row, expr.indices[column]!);
  if (expr.kind === 'transpose') return element(expr.of, base, column, row);
  if (expr.kind === 'concat') {
    let at = expr.axis === 0 ? row : column;
    for (const of of expr.of) {
      const size = of.shape[expr.axis]!;
      if (at < size) return expr.axis === 0 ? element(of, base, at, column) : element(of, base, row, at);
      at -= size;
    }
  }
  const size = dtypeBits[expr.dtype] / 8;
  const begin = (row * expr.shape[1]! + column) * size;
  return base.subarray(begin, begin + size);
}

const picks = (size: number) => fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 9 });

/** Expressions over `base`, up to three steps deep. */
function expressions(base: TensorExpr, depth = 3): fc.Arbitrary<TensorExpr> {
  if (depth === 0) return fc.constant(base);
  return expressions(base, depth - 1).chain((of) =>
    fc.oneof(
      fc.constant(of),
      picks(of.shape[0]!).map((indices) => rows(of, indices)),
      picks(of.shape[1]!).map((indices) => cols(of, indices)),
      picks(of.shape[0]!).map((indices) => concat([of, rows(of, indices)], 0)),
      picks(of.shape[1]!).map((indices) => concat([of, cols(of, indices), of], 1)),
      fc.constant(transpose(of)),
    ),
  );
}

describe('bytesOf', () => {
  it('selects and joins as defined, whatever the block size', async () => {
    for (const dtype of ['U8', 'BF16', 'F32', 'I64'] as const) {
      const base = await stored(dtype, [7, 5]);
      const bytes = await read(base);
      await fc.assert(
        fc.asyncProperty(expressions(base), fc.integer({ min: 1, max: 200 }), async (expr, block) => {
          const [height, width] = expr.shape as [number, number];
          const cells = Array.from({ length: height * width }, (_, i) =>
            element(expr, bytes, Math.floor(i / width), i % width),
          );
          const found = await read(expr, block);
          expect(found.length).toBe(elementCount(expr.shape) * (dtypeBits[dtype] / 8));
          expect(found.equals(Buffer.concat(cells))).toBe(true);
        }),
        { numRuns: 60 },
      );
    }
  });

  it('selects whole slabs of tensors with more axes', async () => {
    const base = await stored('U8', [3, 2, 4]);
    const bytes = await read(base);
    expect(await read(rows(base, [2, 0]), 5)).toEqual(
      Buffer.concat([bytes.subarray(16), bytes.subarray(0, 8)]),
    );
    expect(await read(cols(base, [1]), 5)).toEqual(
      Buffer.concat([4, 12, 20].map((at) => bytes.subarray(at, at + 4))),
    );
  });

  it('never hands on more than a block', async () => {
    for await (const block of bytesOf(await stored('F32', [100, 10]), 64)) {
      expect(block.byteLength).toBeLessThanOrEqual(64);
    }
  });

  it('scales in fp32 and rounds to the type', async () => {
    const values = Float32Array.of(1, -2.5, 1e-3, 100);
    const half = await stored(
      'F16',
      [4],
      new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x1419, 0x5640).buffer),
    );
    const scaled = await decodeFloat32(scale(half, 1 / 3));
    for (const [i, value] of scaled.entries()) {
      expect(Math.abs(value - values[i]! / 3)).toBeLessThan(Math.abs(values[i]!) * 2 ** -10);
    }
    expect(await failure(read(scale(await stored('I32', [2]), 2)))).toMatchObject({ code: 'TENSOR_DTYPE' });
  });

  it('pads with zeros', async () => {
    const base = await stored('BF16', [2, 3]);
    const padded = concat([base, zeros('BF16', [1, 3])], 0);
    expect(await read(padded, 5)).toEqual(Buffer.concat([await read(base), Buffer.alloc(6)]));
  });

  it('gives nothing for an empty tensor and one element for a scalar', async () => {
    expect(await read(await stored('F32', [0, 4]))).toHaveLength(0);
    expect(await read(await stored('F32', []))).toHaveLength(4);
  });

  it('says so if the file has shrunk or gone', async () => {
    const tensor = await stored('F32', [8]);
    expect(await failure(read({ ...tensor, length: 64, shape: [16] }))).toMatchObject({
      code: 'CHECKPOINT_INVALID',
    });
    expect(await failure(read({ ...tensor, file: '/no/such' }))).toMatchObject({
      code: 'CHECKPOINT_NOT_FOUND',
    });
  });
});

describe('hasNonFinite', () => {
  it.each([
    ['BF16', Uint16Array.of(0x3f80, 0x7f80)],
    ['F16', Uint16Array.of(0x3c00, 0xfe00)],
    ['F32', Float32Array.of(1, Number.NaN)],
  ] as const)('finds it in %s', async (dtype, data) => {
    const bytes = new Uint8Array(data.buffer);
    expect(await hasNonFinite(await stored(dtype, [2], bytes))).toBe(true);
    expect(await hasNonFinite(rows(await stored(dtype, [2], bytes), [0]))).toBe(false);
  });
});
