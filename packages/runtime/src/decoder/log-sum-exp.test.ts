import { createRng } from '@moepress/core';
import { GraphBuilder, reduceLogSumExp } from '@moepress/graph';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tensor } from '../engine/protocol.js';
import { EngineWorker } from '../engine/worker.js';
import { runGraph } from '../testing/run-graph.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

const rows = 48;

/** Logits of a model that is sure of itself: one large number and many small ones in each row. */
function sureLogits(size: number): Float32Array<ArrayBuffer> {
  const rng = createRng(size);
  const logits = Float32Array.from({ length: rows * size }, () => 8 * (rng.next() - 0.5));
  for (let row = 0; row < rows; row++) logits[row * size + row] = 16;
  return logits;
}

/** The same in double precision. */
function expected(logits: Float32Array, size: number, row: number): number {
  let sum = 0;
  for (const logit of logits.subarray(row * size, (row + 1) * size)) sum += Math.exp(logit - 16);
  return 16 + Math.log(sum);
}

// fp32 tells numbers near 16 apart by 2e-6; what is left on average is what counts in a perplexity.
it.each([50, 640, 1000, 1024, 1021, 50_304])(
  'adds up %i exponentials without losing the small ones',
  async (size) => {
    const graph = new GraphBuilder('log-sum-exp');
    graph.output('sums', reduceLogSumExp(graph.input('logits', 'float32', ['R', size]), [1]));
    const logits = sureLogits(size);
    const feeds = { logits: tensor('float32', [rows, size], logits) };
    const sums = (await runGraph(worker, graph.finish(), feeds)).sums!.data as Float32Array;
    const errors = [...sums].map((sum, row) => sum - expected(logits, size, row));
    const bias = errors.reduce((sum, error) => sum + error, 0) / rows;
    // A prime number of terms has no blocks.
    expect(Math.abs(bias)).toBeLessThan(size === 1021 ? 2e-5 : 8e-7);
  },
);
