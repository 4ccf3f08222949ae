import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel } from '@moepress/checkpoint';
import {
  byteLength,
  cols,
  concat,
  type DType,
  fp8,
  mxfp4,
  rows,
  type StoredTensor,
  type TensorExpr,
  tensorsByPath,
  transpose,
  zeros,
} from '@moepress/core';
import { GraphBuilder, weight } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';
import { inTemporaryFolder } from '../testing/temporary.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

/** What the engine computes with. */
async function computed(expr: TensorExpr): Promise<number[]> {
  const graph = new GraphBuilder('weight');
  graph.output('w', weight(graph, expr));
  const { w } = await runGraph(worker, graph.finish(), {});
  return [...(w!.data as Float32Array)];
}

/** Tensors one after the other in a file, of bytes that `make` yields. */
async function stored(
  folder: string,
  tensors: readonly { dtype: DType; shape: number[]; bytes: (i: number) => number }[],
): Promise<StoredTensor[]> {
  const file = join(folder, 'weights');
  let offset = 3;
  const parts = tensors.map(({ dtype, shape, bytes }, t) => {
    const length = byteLength(dtype, shape);
    const tensor: StoredTensor = { kind: 'stored', name: `t${t}`, file, offset, length, dtype, shape };
    offset += length;
    return { tensor, data: Uint8Array.from({ length }, (_, i) => bytes(i)) };
  });
  await writeFile(file, Buffer.concat([Buffer.alloc(3), ...parts.map(({ data }) => data)]));
  return parts.map(({ tensor }) => tensor);
}

/** E2M1: 1 sign, 2 exponent bits of bias 1, 1 mantissa bit. */
function fourBits(bits: number): number {
  const [exponent, mantissa] = [(bits >> 1) & 3, bits & 1];
  const magnitude = exponent === 0 ? mantissa / 2 : (1 + mantissa / 2) * 2 ** (exponent - 1);
  return bits & 8 ? -magnitude : magnitude;
}

const views = (matrix: TensorExpr): TensorExpr[] => [
  matrix,
  rows(matrix, [4, 1, 2]),
  cols(rows(matrix, [4, 1, 2]), [3, 0]),
  cols(matrix, [5]),
  transpose(matrix),
];

const quantised = fileURLToPath(new URL('../../../checkpoint/fixtures/quantised/', import.meta.url));
const golden: Record<string, unknown> = JSON.parse(readFileSync(join(quantised, 'golden.json'), 'utf8'));

describe('weights as the engine computes with them', () => {
  it('are 4-bit floats times the power of two of their 32 neighbours', () =>
    inTemporaryFolder(async (folder) => {
      const bytes = (i: number) => (i * 73 + 11) & 255;
      const exponents = [127, 120, 130, 1, 252, 126, 128, 100, 140, 127];
      const [blocks, scales] = await stored(folder, [
        { dtype: 'U8', shape: [5, 32], bytes },
        { dtype: 'U8', shape: [5, 2], bytes: (i) => exponents[i]! },
      ]);
      const matrix = mxfp4(blocks!, scales!);
      const expected = Array.from({ length: 5 * 64 }, (_, i) => {
        const byte = bytes(i >> 1);
        return fourBits(i & 1 ? byte >> 4 : byte & 15) * 2 ** (exponents[i >> 5]! - 127);
      });
      expect(await computed(matrix)).toEqual(expected);
      for (const view of views(matrix)) {
        expect(await computed(view)).toEqual([...(await decodeFloat32(view))]);
      }
    }));

  it('are 8-bit floats times the factor of their square, rounded as when written', () =>
    inTemporaryFolder(async (folder) => {
      const factors = Float32Array.of(0.013, 1.7, 1e-4, 3, 77.7, 0.25);
      const factorBytes = new Uint8Array(factors.buffer);
      const [matrix8, scales] = await stored(folder, [
        // 0x7f and 0xff are the only bytes that are no numbers.
        { dtype: 'F8_E4M3', shape: [7, 9], bytes: (i) => (((i * 5) & 127) % 127) | ((i & 1) << 7) },
        { dtype: 'F32', shape: [2, 3], bytes: (i) => factorBytes[i]! },
      ]);
      const matrix = fp8(matrix8!, scales!, 4);
      for (const view of views(matrix)) {
        expect(await computed(view)).toEqual([...(await decodeFloat32(view))]);
      }
      const all = await computed(matrix);
      expect(all).toHaveLength(63);
      // Byte 5 is 5 / 512: the last rows and columns belong to squares that are cut off.
      expect(all[1]).toBeCloseTo((-5 / 512) * 0.013, 6);
      expect(new Set(all).size).toBeGreaterThan(40);
    }));

  it('are padded with zeros', () =>
    inTemporaryFolder(async (folder) => {
      const [tensor] = await stored(folder, [
        { dtype: 'BF16', shape: [2, 3], bytes: (i) => (i & 1 ? 0x3f : i * 8) },
      ]);
      const padded = concat([transpose(tensor!), zeros('BF16', [1, 2])], 0);
      expect(await computed(padded)).toEqual([...(await decodeFloat32(padded))]);
      expect((await computed(padded)).slice(6)).toEqual([0, 0]);
    }));

  it.each(Object.keys(golden))('are in the format of %s what the decoder reads, to the bit', async (name) => {
    const model = await openModel(join(quantised, name));
    const all = [...tensorsByPath(model).values()];
    const found = all.filter((expr) => (expr.kind === 'transpose' ? expr.of : expr).kind === 'block-scaled');
    expect(found.length).toBeGreaterThan(11);
    // One of each shape, and a projection of an expert: some rows and columns of it too.
    for (const expr of [
      found[0]!,
      found.at(-1)!,
      rows(found.at(-1)!, [9, 2]),
      cols(found.at(-2)!, [63, 0]),
    ]) {
      expect(await computed(expr)).toEqual([...(await decodeFloat32(expr))]);
    }
  });
});
