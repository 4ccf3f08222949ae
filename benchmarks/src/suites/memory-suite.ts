import { openModel } from '@moepress/checkpoint';
import { tokenMaskFisher, weightFisher } from '@moepress/graph';
import { Engine } from '@moepress/runtime';
import { gigabytes, walks } from '../flops.js';
import { timeCalibration } from '../timing.js';

const length = 2048;
/** Bytes that hidden states and gradients may take before they go to disk. */
const budget = 16 * 2 ** 20;

/**
 * The backward pass over more and more sequences, whose states come to many times the budget: its memory must not
 * grow with their number.
 */
export async function memorySuite(directory: string): Promise<void> {
  const model = await openModel(directory);
  const statistics = [tokenMaskFisher, weightFisher];
  console.log(
    `backward over ${model.blocks.length} narrow layers, states beyond ${gigabytes(budget)} on disk`,
  );
  let first: number | undefined;
  for (const count of [8, 32, 128]) {
    const engine = new Engine();
    try {
      const { idle, peak, seconds } = await timeCalibration(engine, model, {
        sequences: walks(model, count, length),
        statistics,
        memory: budget,
      });
      const own = peak - idle;
      first ??= own;
      const states = count * length * model.config.hiddenSize * 4 * (model.blocks.length + 1);
      console.log(
        `  ${count} x ${length} tokens: peak ${gigabytes(own)} anonymous memory, ${(own / first).toFixed(2)} x the first; states ${gigabytes(states)}; ${seconds.toFixed(1)} s`,
      );
    } finally {
      await engine.dispose();
    }
  }
}
