import { openModel } from '@moepress/checkpoint';
import { moeBlocks, type Statistic } from '@moepress/core';
import {
  activationEnergy,
  expertHits,
  gatedOutputNorms,
  jointSelections,
  outputGram,
  outputSums,
  probabilitySums,
  routedSumProducts,
  routerLogitGram,
  squaredOutputNorms,
  weightFisher,
} from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { startDevice } from '../engine/start-device.js';
import { ModelRunner, type RunnerOptions } from '../runner.js';
import { denseFixtures, fixtures, type Golden, maxDifference } from '../testing/golden.js';
import { expectAnswers, expectGradients, expectTraces } from '../testing/parity.test.util.js';

const problem = await startDevice('webgpu').then(
  () => null,
  (error: Error) => error.message,
);
if (problem) console.warn(`Not tested on WebGPU: ${problem}`);

/** The most probable token after each one of [T, vocabulary], and by how much it is. */
function bests(logits: Float32Array, vocabulary: number) {
  return Array.from({ length: logits.length / vocabulary }, (_, t) => {
    const row = logits.subarray(t * vocabulary, (t + 1) * vocabulary);
    const [first, second] = row.toSorted((a, b) => b - a);
    return { best: row.indexOf(first!), margin: first! - second! };
  });
}

/** Statistics of all three passes. */
const measured: readonly [Statistic, string][] = [
  [expertHits, 'count'],
  [gatedOutputNorms, 'sum'],
  [squaredOutputNorms, 'gated'],
  [outputSums, 'sum'],
  [activationEnergy, 'sum'],
  [probabilitySums, 'all'],
  [jointSelections, 'counts'],
  [routerLogitGram, 'gram'],
  [outputGram, 'gram'],
  [routedSumProducts, 'products'],
  [weightFisher, 'sum'],
];

/** One of each kind of attention and of router. */
const ofEachKind = fixtures.filter((_, i) => [1, 5, 6, 7].includes(i));

async function onWebGpu(
  golden: Golden,
  options: RunnerOptions,
  use: (runner: ModelRunner, golden: Golden) => Promise<void>,
): Promise<void> {
  const runner = await ModelRunner.open(await openModel(golden.model), { ...options, device: 'webgpu' });
  try {
    await use(runner, golden);
  } finally {
    await runner.dispose();
  }
}

describe.runIf(problem === null)('on WebGPU, with the tolerances of the processor', () => {
  describe.each([...fixtures, ...denseFixtures])('$name', ({ load }) => {
    it('has the logits and the routing of transformers', async () =>
      onWebGpu(await load(), { residency: 'streamed' }, expectTraces));

    it('has the scores and greedy tokens of transformers', async () =>
      onWebGpu(await load(), { residency: 'resident' }, expectAnswers));
  });

  it('has them block by block, too', async () =>
    onWebGpu(await fixtures[0]!.load(), { residency: 'streamed' }, expectAnswers));

  it.each(ofEachKind)(
    '$name has logits within 0.25 of them in fp16, and the tokens that are sure',
    async ({ load }) =>
      onWebGpu(await load(), { residency: 'streamed', precision: 'float16' }, async (runner, golden) => {
        const traces = await runner.trace(golden.sequences);
        for (const [i, { logits }] of traces.entries()) {
          const expected = await golden.floats(`s${i}.logits`);
          // The references hold them for the first sequence.
          if (!expected) continue;
          const error = maxDifference(logits.data as Float32Array, expected);
          expect(error).toBeGreaterThan(1e-4);
          expect(error).toBeLessThan(0.25);
          for (const [t, { best, margin }] of bests(expected, logits.dims[1]!).entries()) {
            if (margin < 0.25) continue;
            expect(bests(logits.data as Float32Array, logits.dims[1]!)[t]!.best).toBe(best);
          }
        }
      }),
  );

  it.each(ofEachKind)('$name has the gradients and Fisher scores of torch', async ({ load }) => {
    const engine = new Engine({ device: 'webgpu' });
    try {
      await expectGradients(engine, await load());
    } finally {
      await engine.dispose();
    }
  });

  it.each(fixtures.slice(0, 2))('$name has the statistics of the processor', async ({ load }) => {
    const golden = await load();
    const model = await openModel(golden.model);
    const set = { source: 'golden', seed: 0, sequences: golden.sequences };
    const measure = async (device: 'cpu' | 'webgpu') => {
      const engine = new Engine({ device });
      try {
        return await calibrate(engine, { model, set, statistics: measured.map(([statistic]) => statistic) });
      } finally {
        await engine.dispose();
      }
    };
    const [expected, actual] = [await measure('cpu'), await measure('webgpu')];
    expect(expected.layers).toHaveLength(moeBlocks(model).length);
    for (const [i, layer] of expected.layers.entries()) {
      for (const [statistic, output] of measured) {
        const numbers = layer.read(statistic, output);
        const largest = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        const error = maxDifference(actual.layers[i]!.read(statistic, output), numbers);
        expect(error / largest, `${statistic.name}/${output}`).toBeLessThan(1e-5);
      }
    }
  });
});
