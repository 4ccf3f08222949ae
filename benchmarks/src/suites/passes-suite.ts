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
import { timeCalibration } from '../timing.js';

/** So many that what each block pays once, a second to open its session and its first touch of memory, hardly shows. */
const sequences = { bare: 8, forward: 8, 'all experts': 2, backward: 8 } as const;
const length = 2048;
/** There and back again, since a busy machine is slower from minute to minute. */
const round = ['bare', 'forward', 'backward', 'forward', 'bare'] as const;
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

/**
 * The three passes against each other and against the machine's matrix products, in one run. Each time is weighed
 * by the speed of products right before and after it: on a machine that is shared that differs by a third.
 */
export async function passesSuite(directory: string): Promise<void> {
  const model = await openModel(directory);
  const engine = new Engine();
  /** What products would have computed in the time of a pass, FLOP a token. */
  const costs = new Map<string, number[]>();
  const time = async (name: keyof typeof passes) => {
    const tokens = sequences[name] * length;
    const ids = walks(model, sequences[name], length);
    const { result, peak } = await besidePeak(() =>
      timeCalibration(engine, model, { sequences: ids, statistics: passes[name] }),
    );
    const { seconds } = result;
    costs.set(name, [...(costs.get(name) ?? []), (seconds * peak.sustained) / tokens]);
    console.log(
      `  ${name}: ${seconds.toFixed(1)} s for ${tokens} tokens, ${gflops(peak.sustained)} of products beside it`,
    );
  };
  try {
    console.log(`passes over ${model.blocks.length} layers, sequences of ${length} tokens, ${rounds} rounds`);
    // The first run pays for reading the file, and does not count.
    await time('bare');
    costs.clear();
    for (let i = 0; i < rounds; i++) for (const name of round) await time(name);
    await time('all experts');
  } finally {
    await engine.dispose();
  }
  const cost = (name: keyof typeof passes) => mean(costs.get(name)!);
  const share = (name: keyof typeof passes, flops: number) =>
    console.log(`  ${name}: ${(flops / cost(name)).toFixed(3)} of what products keep up`);
  const [forward, head] = [forwardFlops(model, length), headFlops(model)];
  share('bare', forward);
  share('forward', forward);
  share('all experts', allExpertsFlops(model, length));
  share('backward', 3 * forward + 2 * head);
  console.log(`  statistics cost ${(100 * (cost('forward') / cost('bare') - 1)).toFixed(1)} %`);
  console.log(
    `  backward ${(cost('backward') / cost('forward')).toFixed(2)} x forward; the head, which forward does without, is ${((2 * head) / forward).toFixed(2)} x of it`,
  );
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
