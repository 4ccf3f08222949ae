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
import { gemmPeak, type Peak } from '../gemm.js';
import { timeCalibration } from '../measure.js';

/** Fewer where one costs more; so many that opening sessions, a second or more a block, does not show. */
const sequences = { bare: 6, forward: 6, 'all experts': 2, backward: 6 } as const;
const length = 2048;
/** Each through bare, forward and backward in turn, since a busy machine is slower from minute to minute. */
const rounds = 2;

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
  const taken = new Map<string, number[]>();
  const speeds: Peak[] = [await gemmPeak()];
  const time = async (name: keyof typeof passes) => {
    const { seconds } = await timeCalibration(
      engine,
      model,
      walks(model, sequences[name], length),
      passes[name],
    );
    taken.set(name, [...(taken.get(name) ?? []), seconds]);
    speeds.push(await gemmPeak());
    console.log(`  ${name}: ${seconds.toFixed(1)} s; products then ${gflops(speeds.at(-1)!.sustained)}`);
  };
  try {
    console.log(`passes over ${model.blocks.length} layers, sequences of ${length} tokens, ${rounds} rounds`);
    // The first run pays for reading the file, and does not count.
    await time('bare');
    taken.clear();
    for (let round = 0; round < rounds; round++) {
      for (const name of ['bare', 'forward', 'backward'] as const) await time(name);
    }
    await time('all experts');
  } finally {
    await engine.dispose();
  }
  // The mean of the passes against the mean of the products, and the best of passes against each other.
  const sustained = mean(speeds.map((speed) => speed.sustained));
  const tokens = (name: keyof typeof passes) => sequences[name] * length;
  const share = (name: keyof typeof passes, flops: number) => {
    const speed = (flops * tokens(name)) / mean(taken.get(name)!);
    console.log(
      `  ${name}: ${(speed / sustained).toFixed(3)} of the ${gflops(sustained)} that products keep up`,
    );
  };
  const best = (name: keyof typeof passes) => Math.min(...taken.get(name)!) / tokens(name);
  const times = (a: keyof typeof passes, b: keyof typeof passes) => best(a) / best(b);
  const [forward, head] = [forwardFlops(model, length), headFlops(model)];
  share('bare', forward);
  share('forward', forward);
  share('all experts', allExpertsFlops(model, length));
  share('backward', 3 * forward + 2 * head);
  console.log(`  statistics cost ${(100 * (times('forward', 'bare') - 1)).toFixed(1)} %`);
  console.log(
    `  backward ${times('backward', 'forward').toFixed(2)} x forward; the head, which forward does without, is ${((2 * head) / forward).toFixed(2)} x of it`,
  );
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
