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
import { allExpertsFlops, forwardFlops, gflops, walks } from '../flops.js';
import { gemmPeak } from '../gemm.js';
import { timeCalibration } from '../measure.js';

const [count, length] = [8, 1024] as const;

/** The three passes against each other and against the machine's matrix products, in one run. */
export async function passesSuite(directory: string): Promise<void> {
  const model = await openModel(directory);
  const tokens = count * length;
  const engine = new Engine();
  const time = async (...statistics: Statistic[]) =>
    (await timeCalibration(engine, model, walks(model, count, length), statistics)).seconds;
  try {
    // The first pass pays for reading the file.
    await time(expertHits);
    const peak = await gemmPeak();
    const bare = await time(expertHits);
    const all = [
      gatedOutputNorms,
      gateWeightSums,
      outputNorms,
      squaredOutputNorms,
      activationEnergy,
      probabilitySums,
    ];
    const forward = await time(expertHits, ...all);
    const everything = await time(outputGram);
    const backward = await time(tokenMaskFisher, weightFisher);
    const limit = Math.max(peak, await gemmPeak());
    const share = (flops: number, seconds: number) => (flops * tokens) / seconds / limit;
    console.log(
      `passes over ${model.blocks.length} layers, ${count} x ${length} tokens, peak ${gflops(limit)}`,
    );
    console.log(
      `  forward with statistics ${forward.toFixed(1)} s = ${share(forwardFlops(model, length), forward).toFixed(3)} of peak`,
    );
    console.log(
      `  statistics cost ${(100 * (forward / bare - 1)).toFixed(1)} % over ${bare.toFixed(1)} s without`,
    );
    console.log(
      `  all experts ${everything.toFixed(1)} s = ${share(allExpertsFlops(model, length), everything).toFixed(3)} of peak`,
    );
    console.log(`  backward ${backward.toFixed(1)} s = ${(backward / bare).toFixed(2)} x forward`);
  } finally {
    await engine.dispose();
  }
}
