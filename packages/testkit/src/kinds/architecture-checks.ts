import { rm } from 'node:fs/promises';
import { openModel, registerArchitectures } from '@moepress/checkpoint';
import type { Model, Plugin, PluginArchitecture } from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { traceModel } from '@moepress/runtime';
import { type Check, type ConformanceOptions, difference, hold } from '../checks/check.js';
import { type GoldenSequence, readGolden } from '../checks/golden.js';
import { usualEngine } from '../toys/engines.js';
import { temporaryFolder } from '../toys/open-toys.js';

const origin = { package: 'testkit', version: '0.0.0' };

/** What must hold for the architectures of a plugin. */
export function architectureChecks({ architectures = [] }: Plugin, options: ConformanceOptions): Check[] {
  return architectures.flatMap((manifest) => [
    {
      name: `${manifest.modelType}: computes what the reference computes`,
      run: async () => {
        const folder = referenceOf(manifest, options);
        const golden = await readGolden(folder);
        await equals(await openModel(folder), golden, 'The logits differ from those of the reference');
      },
    },
    {
      name: `${manifest.modelType}: is the same when it is written and opened`,
      run: () => reopens(referenceOf(manifest, options)),
    },
  ]);
}

/** The folder of the reference, of a family that is known then. */
function referenceOf(manifest: PluginArchitecture, { goldens = {} }: ConformanceOptions): string {
  const { modelType } = manifest;
  registerArchitectures([manifest], origin);
  const folder = goldens[modelType];
  hold(
    folder !== undefined,
    `There is no reference of "${modelType}": give goldens: { "${modelType}": folder } with a checkpoint and golden.safetensors.`,
  );
  return folder;
}

async function reopens(folder: string): Promise<void> {
  const [model, golden] = [await openModel(folder), await readGolden(folder)];
  const traces = await traceModel(
    usualEngine(),
    model,
    golden.map(({ ids }) => ids),
  );
  const before = golden.map(({ ids }, i) => ({ ids, logits: traces[i]!.logits.data as Float32Array }));
  const out = temporaryFolder(`${model.architecture}-written`);
  try {
    await writeHuggingFace(model, out, { layout: 'compact' });
    await equals(await openModel(out), before, 'The logits differ after the model was written');
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function equals(model: Model, golden: readonly GoldenSequence[], otherwise: string): Promise<void> {
  const traces = await traceModel(
    usualEngine(),
    model,
    golden.map(({ ids }) => ids),
  );
  const gap = Math.max(
    ...golden.map(({ logits }, i) => difference(traces[i]!.logits.data as Float32Array, logits)),
  );
  hold(gap < 1e-4, `${otherwise} by ${gap.toExponential(1)} of their largest value.`);
}
