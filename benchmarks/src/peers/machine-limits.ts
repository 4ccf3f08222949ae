import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Model, moeBlocks } from '@moepress/core';
import { forwardFlops, headFlops } from '../flops.js';
import { gemmPeak } from '../gemm.js';
import type { MeasuredRow } from './measured-rows.js';

/** What the machine can do at best, measured beside the rows. */
export interface Limits {
  /** Bytes that all cores read from memory in a second. */
  readonly bandwidth: number;
  /** Sustained FLOP/s of large products of fp32 matrices. */
  readonly products: number;
}

export async function machineLimits(): Promise<Limits> {
  return { bandwidth: await readBandwidth(), products: (await gemmPeak()).sustained };
}

/** Compares two blocks that are equal, which reads both to their ends, as often as it is told to. */
const reader = `
const { parentPort } = require('node:worker_threads');
const blocks = [1, 2].map(() => Buffer.alloc(1 << 28, 1));
parentPort.on('message', (times) => {
  for (let i = 0; i < times; i++) blocks[0].compare(blocks[1]);
  parentPort.postMessage(0);
});
parentPort.postMessage(0);
`;

const times = 4;

/** The best of a few rounds, in which every core reads blocks that no cache holds. */
async function readBandwidth(): Promise<number> {
  const workers = Array.from({ length: availableParallelism() }, () => new Worker(reader, { eval: true }));
  const heard = () =>
    Promise.all(workers.map((worker) => new Promise((done) => worker.once('message', done))));
  try {
    await heard();
    let best = 0;
    for (let round = 0; round < 5; round++) {
      const began = performance.now();
      const answered = heard();
      for (const worker of workers) worker.postMessage(times);
      await answered;
      const seconds = (performance.now() - began) / 1000;
      best = Math.max(best, (workers.length * times * 2 * 2 ** 28) / seconds);
    }
    return best;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/**
 * Tokens a second of a row if nothing took time but its products, and where tokens are decoded reading the weights that they
 * meet, each once a step: of the experts those that the sequences choose if each chooses at random.
 */
export function limitOf(row: MeasuredRow, model: Model, { bandwidth, products }: Limits): number {
  const flops = forwardFlops(model, row.length);
  if (row.work !== 'decode') return products / (row.work === 'backward' ? 3 * flops : flops);
  const computing = (row.sequences * (flops + headFlops(model))) / products;
  return row.sequences / Math.max(computing, bytesOfStep(model, row.sequences) / bandwidth);
}

/** Bytes of BF16 weights that a token of each sequence meets. */
function bytesOfStep(model: Model, sequences: number): number {
  const { hiddenSize: h, heads, kvHeads, headDim, vocabSize } = model.config;
  const numbers = moeBlocks(model).reduce((sum, { ffn }) => {
    const count = ffn.pool.length;
    const met = count * (1 - (1 - ffn.router.topK / count) ** sequences);
    return sum + h * headDim * (2 * heads + 2 * kvHeads) + h * count + met * 3 * h * ffn.pool[0]!.width;
  }, h * vocabSize);
  return 2 * numbers;
}
