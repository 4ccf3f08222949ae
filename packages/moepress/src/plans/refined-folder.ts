import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, type FolderOutput } from '@moepress/checkpoint';
import { type CompressionPlan, type LearnedFacts, type Work, withLearned } from '@moepress/core';
import type { Refined } from '@moepress/runtime';
import { renderLossCurves } from '../figures/loss-curve.js';
import { writeLearned, writePlan } from './plan-file.js';

const learnedFile = 'learned.safetensors';

/**
 * Writes a folder with `plan.json`, the tensors it brings along, and the loss curves as NDJSON and as a figure. It
 * appears whole or not at all. Throws what `FolderOutput.commit` throws, `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export function writeRefined(
  out: FolderOutput,
  plan: CompressionPlan,
  { tensors, curves }: Refined,
  facts: Pick<LearnedFacts, 'refiner' | 'options' | 'data'>,
  work: Work,
): Promise<CompressionPlan> {
  return createFolder(out, async (folder) => {
    const written = await writeLearned(join(folder, learnedFile), tensors, work);
    const refined = withLearned(plan, { ...facts, ...written, file: learnedFile });
    await writePlan(join(folder, 'plan.json'), refined);
    for (const [stage, curve] of Object.entries(curves)) {
      const lines = curve.map((point) => `${JSON.stringify(point)}\n`);
      await writeFile(join(folder, `loss.${stage}.ndjson`), lines.join(''), { flush: true });
    }
    await writeFile(join(folder, 'loss.svg'), await renderLossCurves(curves), { flush: true });
    return refined;
  });
}
