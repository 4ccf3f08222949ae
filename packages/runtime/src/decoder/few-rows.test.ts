import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byteLength, type DType, type Model, type StoredTensor } from '@moepress/core';
import { GraphBuilder, linearBy, weightParts } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { finalNormed, outputNextTokens } from './lm-head.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

const width = 512;

/** Numbers in -1..1 that fp32 and BF16 have alike, in no order. */
function numbers(count: number): Float32Array<ArrayBuffer> {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return ((state % 255) - 127) / 128;
  });
}

/** A BF16 matrix in a file, and a norm of ones. */
async function written(folder: string, weights: Float32Array<ArrayBuffer>) {
  const halves = Uint16Array.from(new Uint32Array(weights.buffer), (word) => word >>> 16);
  const ones = Float32Array.from({ length: width }, () => 1);
  const file = join(folder, 'weights');
  await writeFile(file, Buffer.concat([ones, halves].map(({ buffer }) => new Uint8Array(buffer))));
  const stored = (name: string, dtype: DType, shape: readonly number[], offset: number): StoredTensor => {
    const length = byteLength(dtype, shape);
    return { kind: 'stored', name, file, offset, length, dtype, shape };
  };
  const norm = stored('norm', 'F32', [width], 0);
  return { norm, matrix: stored('w', 'BF16', [weights.length / width, width], norm.length) };
}

/** x Wᵀ in double precision, row by row. */
function plainly(x: Float32Array, weights: Float32Array): number[][] {
  return Array.from({ length: x.length / width }, (_, r) =>
    Array.from({ length: weights.length / width }, (_, o) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += x[r * width + i]! * weights[o * width + i]!;
      return sum;
    }),
  );
}

describe.each([
  { out: 4096, rowsOfParts: 2048, left: 0 },
  { out: 4111, rowsOfParts: 2048, left: 15 },
])('a weight of $out rows, by parts of $rowsOfParts', ({ out, rowsOfParts, left }) => {
  const weights = numbers(out * width);

  it.each([1, 2, 7])('meets %i rows as in a loop', async (rows) => {
    const x = numbers(rows * width).map((number, i) => number * Math.sin(i));
    const expected = plainly(x, weights);
    const largest = Math.max(...expected.flat().map(Math.abs));
    await inTemporaryFolder(async (folder) => {
      const { norm, matrix } = await written(folder, weights);
      expect(weightParts(matrix)).toMatchObject({ rows: rowsOfParts });
      expect(weightParts(matrix)!.rest?.shape[0] ?? 0).toBe(left);
      const graph = new GraphBuilder('few');
      const input = graph.input('x', 'float32', ['T', width]);
      const model = { head: matrix, finalNorm: norm, config: { rmsNormEps: 0 } } as unknown as Model;
      graph.withFewRows(6, () => {
        graph.output('y', linearBy(input, matrix));
        outputNextTokens(finalNormed(input, model), model);
      });
      const feeds = { x: tensor('float32', [rows, width], x) };
      const { y, token, finite } = await runGraph(worker, graph.finish(), feeds);
      for (const [i, sum] of expected.flat().entries()) {
        expect(Math.abs(Number(y!.data[i]) - sum)).toBeLessThan(1e-5 * largest);
      }
      // A norm of ones leaves the largest where it is.
      expect([...token!.data]).toEqual(expected.map((sums) => sums.indexOf(Math.max(...sums))));
      expect(Number.isFinite(Number(finite!.data[0]))).toBe(true);
    });
  });
});
