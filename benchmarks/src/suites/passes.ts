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
import { gemmPeak, higher } from '../gemm.js';
import { timeCalibration } from '../measure.js';

const [count, length] = [8, 1024] as const;
const everyForward = [
  gatedOutputNorms,
  gateWeightSums,
  outputNorms,
  squaredOutputNorms,
  activationEnergy,
  probabilitySums,
];

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
    let peak = await gemmPeak();
    const forward = { bare: Number.POSITIVE_INFINITY, full: Number.POSITIVE_INFINITY };
    // In turns, so that a machine that slows down slows both.
    for (let i = 0; i < 2; i++) {
      forward.bare = Math.min(forward.bare, await time(expertHits));
      forward.full = Math.min(forward.full, await time(expertHits, ...everyForward));
    }
    peak = higher(peak, await gemmPeak());
    const everything = await time(outputGram);
    const backward = await time(tokenMaskFisher, weightFisher);
    peak = higher(peak, await gemmPeak());
    const share = (flops: number, seconds: number) => {
      const speed = (flops * tokens) / seconds;
      return `${(speed / peak.sustained).toFixed(3)} of peak`;
    };
    console.log(
      `passes over ${model.blocks.length} layers, ${count} x ${length} tokens; peak: products keep up ${gflops(peak.sustained)}, at best ${gflops(peak.best)}`,
    );
    console.log(
      `  forward with statistics ${forward.full.toFixed(1)} s = ${share(forwardFlops(model, length), forward.full)}`,
    );
    console.log(
      `  statistics cost ${(100 * (forward.full / forward.bare - 1)).toFixed(1)} % over ${forward.bare.toFixed(1)} s without`,
    );
    console.log(
      `  all experts ${everything.toFixed(1)} s = ${share(allExpertsFlops(model, length), everything)}`,
    );
    console.log(
      `  backward ${backward.toFixed(1)} s = ${(backward / forward.full).toFixed(2)} x forward with statistics, ${(backward / forward.bare).toFixed(2)} x without`,
    );
  } finally {
    await engine.dispose();
  }
}
