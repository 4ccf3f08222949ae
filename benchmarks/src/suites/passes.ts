import { openModel } from '@moepress/checkpoint';
import type { Statistic } from '@moepress/core';
import {
  activationEnergy,
  expertHits,
  gatedOutputNorms,
  gateWeightSums,
  outputGram,
  outputNorms,
  probabilitySums,
  squaredOutputNorms,
  tokenMaskFisher,
  weightFisher,
} from '@moepress/graph';
import { Engine } from '@moepress/runtime';
import { allExpertsFlops, forwardFlops, gflops, headFlops, walks } from '../flops.js';
import { besidePeak } from '../gemm.js';
import { timeCalibration } from '../measure.js';

/** Sequences a pass: fewer where one costs more. */
const sequences = { bare: 6, forward: 6, 'all experts': 2, backward: 6 } as const;
const length = 2048;

const passes = {
  bare: [expertHits],
  forward: [
    expertHits,
    gatedOutputNorms,
    gateWeightSums,
    outputNorms,
    squaredOutputNorms,
    activationEnergy,
    probabilitySums,
  ],
  'all experts': [outputGram],
  backward: [tokenMaskFisher, weightFisher],
} as const satisfies Record<string, readonly Statistic[]>;

/** The three passes against each other and against the machine's matrix products, in one run. */
export async function passesSuite(directory: string): Promise<void> {
  const model = await openModel(directory);
  const engine = new Engine();
  const time = async (name: keyof typeof passes) =>
    (await timeCalibration(engine, model, walks(model, sequences[name], length), passes[name])).seconds;
  /** Prints a pass and returns what a token takes in products: its time, in FLOP at the machine's speed of that moment. */
  const measure = async (name: keyof typeof passes, flops: number) => {
    const { result: seconds, peak } = await besidePeak(() => time(name));
    const tokens = sequences[name] * length;
    const share = (flops * tokens) / seconds / peak.sustained;
    console.log(
      `  ${name}, ${sequences[name]} sequences: ${seconds.toFixed(1)} s, ${share.toFixed(3)} of the ${gflops(peak.sustained)} that products keep up (best ${gflops(peak.best)})`,
    );
    return (seconds * peak.sustained) / tokens;
  };
  try {
    console.log(`passes over ${model.blocks.length} layers, sequences of ${length} tokens`);
    // The first pass pays for reading the file.
    await time('bare');
    const forwardWork = forwardFlops(model, length);
    let [bare, forward] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    // Twice in turns: they differ by less than a busy machine does from minute to minute.
    for (let i = 0; i < 2; i++) {
      bare = Math.min(bare, await measure('bare', forwardWork));
      forward = Math.min(forward, await measure('forward', forwardWork));
    }
    await measure('all experts', allExpertsFlops(model, length));
    const head = headFlops(model);
    const backward = await measure('backward', 3 * forwardWork + 2 * head);
    console.log(`  statistics cost ${(100 * (forward / bare - 1)).toFixed(1)} %`);
    console.log(
      `  backward ${(backward / forward).toFixed(2)} x forward; the head, which forward does without, is ${((2 * head) / forwardWork).toFixed(2)} x of it`,
    );
  } finally {
    await engine.dispose();
  }
}
