import { rm } from 'node:fs/promises';
import { openModel } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { mlpTokenMaskFisher, tokenMaskFisher } from '@moepress/graph';
import { calibrate, ModelRunner } from '@moepress/runtime';
import { type Check, difference, hold } from '../checks/check.js';
import { logitsOf, usualEngine } from '../toys/engines.js';
import { temporaryFolder, toyTexts } from '../toys/open-toys.js';
import type { Trial } from './trial.js';
import type { Trials } from './trials.js';

/** What must hold for models as a method's plans change them. */
export const viewChecks = (trials: Trials): Check[] => [
  {
    name: 'leaves models that run',
    run: async () => {
      for (const trial of await trials.accepted()) await naming(trial, run);
    },
  },
  {
    name: 'leaves models that differentiate',
    run: async () => naming(await trials.first(), differentiate),
  },
  {
    name: 'leaves models that run streamed as they run whole',
    run: async () => naming(await trials.first(), stream),
  },
  {
    name: 'leaves models that are the same when they are written and opened',
    run: async () => naming(await trials.first(), write),
  },
];

/** What is thrown names the toy. */
async function naming(trial: Trial, check: (trial: Trial) => Promise<void>): Promise<void> {
  try {
    await check(trial);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`On the toy "${trial.toy}": ${message}`, { cause: error });
  }
}

async function run({ view }: Trial): Promise<void> {
  const logits = await logitsOf(view);
  hold(
    logits.every((own) => own.every(Number.isFinite)),
    'as the plan changes it, it gives logits that are no finite numbers.',
  );
}

async function differentiate({ view }: Trial): Promise<void> {
  const hasExperts = moeBlocks(view).length > 0;
  const statistic = hasExperts ? tokenMaskFisher : mlpTokenMaskFisher;
  const evidence = await calibrate(usualEngine(), { model: view, set: toyTexts, statistics: [statistic] });
  const layers = hasExperts ? evidence.layers : evidence.mlps;
  const sums = layers.flatMap((layer) => [...layer.read(statistic, 'sum')]);
  hold(
    sums.every(Number.isFinite) && sums.some((sum) => sum > 0),
    'as the plan changes it, it gives no gradients that are finite and somewhere not 0.',
  );
}

async function stream({ view }: Trial): Promise<void> {
  const runner = await ModelRunner.open(view, { workers: 1, threads: 1, residency: 'resident' });
  try {
    const traces = await runner.trace(toyTexts.sequences);
    const gap = largestGap(
      traces.map(({ logits }) => logits.data as Float32Array),
      await logitsOf(view),
    );
    hold(gap < 1e-6, 'as the plan changes it, it gives other logits when it is streamed.');
  } finally {
    await runner.dispose();
  }
}

let written = 0;

async function write({ model, view, plan }: Trial): Promise<void> {
  const folder = temporaryFolder(`written-${++written}`);
  try {
    await writeHuggingFace(view, folder, { layout: 'compact', plan, base: model });
    const opened: Model = await openModel(folder);
    const gap = largestGap(await logitsOf(opened), await logitsOf(view));
    hold(
      gap < 1e-5,
      `as the plan changes it, it gives other logits after it was written (by ${gap.toExponential(1)}).`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const largestGap = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(...a.map((own, i) => difference(own, b[i] ?? [])));
