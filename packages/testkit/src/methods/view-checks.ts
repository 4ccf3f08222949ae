import { rm } from 'node:fs/promises';
import { openModel } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { mlpTokenMaskFisher, tokenMaskFisher } from '@moepress/graph';
import { calibrate, ModelRunner } from '@moepress/runtime';
import { type Check, difference, hold } from '../checks/check.js';
import { logitsOf, usualEngine } from '../toys/engines.js';
import { temporaryFolder, toyTexts } from '../toys/open-toys.js';
import type { Trials } from './trials.js';

/** What must hold for models as a method's plans change them. */
export const viewChecks = (trials: Trials): Check[] => [
  { name: 'leaves models that run', run: () => run(trials) },
  { name: 'leaves models that differentiate', run: () => differentiate(trials) },
  { name: 'leaves models that run streamed as they run whole', run: () => stream(trials) },
  { name: 'leaves models that are the same when they are written and opened', run: () => write(trials) },
];

async function run(trials: Trials): Promise<void> {
  for (const { toy, view } of await trials.accepted()) {
    const logits = await logitsOf(view);
    hold(
      logits.every((own) => own.every(Number.isFinite)),
      `The toy "${toy}" as the plan changes it gives logits that are no finite numbers.`,
    );
  }
}

async function differentiate(trials: Trials): Promise<void> {
  const { toy, view } = await trials.first();
  const hasExperts = moeBlocks(view).length > 0;
  const statistic = hasExperts ? tokenMaskFisher : mlpTokenMaskFisher;
  const evidence = await calibrate(usualEngine(), { model: view, set: toyTexts, statistics: [statistic] });
  const layers = hasExperts ? evidence.layers : evidence.mlps;
  const sums = layers.flatMap((layer) => [...layer.read(statistic, 'sum')]);
  hold(
    sums.every(Number.isFinite) && sums.some((sum) => sum > 0),
    `The toy "${toy}" as the plan changes it gives no gradients that are finite and somewhere not 0.`,
  );
}

async function stream(trials: Trials): Promise<void> {
  const { toy, view } = await trials.first();
  const runner = await ModelRunner.open(view, { workers: 1, threads: 1, residency: 'resident' });
  try {
    const traces = await runner.trace(toyTexts.sequences);
    const gap = largestGap(
      traces.map(({ logits }) => logits.data as Float32Array),
      await logitsOf(view),
    );
    hold(gap < 1e-6, `The toy "${toy}" as the plan changes it gives other logits when it is streamed.`);
  } finally {
    await runner.dispose();
  }
}

let written = 0;

async function write(trials: Trials): Promise<void> {
  const { toy, model, view, plan } = await trials.first();
  const folder = temporaryFolder(`written-${++written}`);
  try {
    await writeHuggingFace(view, folder, { layout: 'compact', plan, base: model });
    const opened: Model = await openModel(folder);
    const gap = largestGap(await logitsOf(opened), await logitsOf(view));
    hold(
      gap < 1e-5,
      `The toy "${toy}" as the plan changes it gives other logits after it was written (by ${gap.toExponential(1)}).`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const largestGap = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(...a.map((own, i) => difference(own, b[i] ?? [])));
