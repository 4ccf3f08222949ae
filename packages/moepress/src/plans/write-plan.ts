import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder, type FileOutput, type FolderOutput, readSafetensors } from '@moepress/checkpoint';
import {
  type CompressionPlan,
  type LearnedFacts,
  throwIfAborted,
  type Work,
  withLearned,
} from '@moepress/core';
import type { Refined } from '@moepress/runtime';
import { checkText, isObject } from '../check-options.js';
import { renderLossCurves } from '../figures/loss-curve.js';
import { claimFile, claimFolder } from '../files/output.js';
import { type WorkOptions, whileWriting } from '../options.js';
import { checkPlan, type PlanFile, writeLearned, writePlanFile } from './plan-file.js';

export interface WritePlanOptions extends WorkOptions {
  /** Replaces a file that is no plan, or a folder that moepress wrote a refined plan to. */
  readonly force?: boolean | undefined;
}

/**
 * Writes a plan to a file, or a refined plan to a folder with `plan.json`, the tensors it brings along and its loss
 * curves, whole or not at all, and gives it as `readPlan` reads it. Throws `OUTPUT_EXISTS`, `OUTPUT_BUSY`, `DISK_FULL`,
 * `WRITE_FAILED`, `ABORTED`, `PLAN_INVALID` for what is no plan, and `INPUT_INVALID` for what is no path.
 */
export async function writePlan(
  plan: CompressionPlan | RefinedPlan,
  place: string,
  options: WritePlanOptions = {},
): Promise<PlanFile> {
  throwIfAborted(options.signal);
  checkText({ where: 'place', value: place }, 'the path of a file or folder');
  const refined = isObject(plan) && 'plan' in plan ? plan : null;
  checkPlan(refined ?? { plan, tensors: new Map() });
  return whileWriting(options, async (work) => {
    const claim = { ...work, force: options.force };
    if (refined) return writeRefined(await claimFolder(place, 'refined', claim), refined, work);
    return writeClaimed(plan as CompressionPlan, await claimFile(place, 'plan', claim));
  });
}

/** Writes a plan to a file that has been claimed. */
export async function writeClaimed(plan: CompressionPlan, output: FileOutput): Promise<PlanFile> {
  try {
    await writePlanFile(output.path, plan);
    await output.commit();
    return { plan, tensors: new Map() };
  } finally {
    await output.abandon();
  }
}

const learnedFile = 'learned.safetensors';

/** A plan, what was learned on top of it, and the model of both. */
export interface RefinedPlan extends Refined {
  /** The plan before it was refined. */
  readonly plan: CompressionPlan;
  /** What a plan file says of the training. */
  readonly record: Pick<LearnedFacts, 'refiner' | 'options' | 'data'>;
}

/**
 * Writes a folder with `plan.json`, the tensors it brings along, and the loss curves as NDJSON and as a figure. It
 * appears whole or not at all. Throws what `FolderOutput.commit` throws, `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export async function writeRefined(
  out: FolderOutput,
  { plan, tensors, curves, record }: RefinedPlan,
  work: Work,
): Promise<PlanFile> {
  const refined = await createFolder(out, async (folder) => {
    const written = await writeLearned(join(folder, learnedFile), tensors, work);
    const whole = withLearned(plan, { ...record, ...written, file: learnedFile });
    await writePlanFile(join(folder, 'plan.json'), whole);
    for (const [stage, curve] of Object.entries(curves)) {
      const lines = curve.map((point) => `${JSON.stringify(point)}\n`);
      await writeFile(join(folder, `loss.${stage}.ndjson`), lines.join(''), { flush: true });
    }
    await writeFile(
      join(folder, 'loss.svg'),
      await renderLossCurves(curves, `${record.refiner.name} on ${plan.base.id}`),
      { flush: true },
    );
    return whole;
  });
  return { plan: refined, tensors: (await readSafetensors(join(out.out, learnedFile))).tensors };
}
