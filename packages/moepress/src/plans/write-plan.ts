import type { FileOutput } from '@moepress/checkpoint';
import type { CompressionPlan } from '@moepress/core';
import { claimFile, claimFolder } from '../files/output.js';
import { type WorkOptions, workOf } from '../options.js';
import { type PlanFile, writePlanFile } from './plan-file.js';
import { type RefinedPlan, writeRefined } from './refined-folder.js';

export interface WritePlanOptions extends WorkOptions {
  /** Replaces a file that is no plan, or a folder that moepress wrote a refined plan to. */
  readonly force?: boolean | undefined;
}

/**
 * Writes a plan to a file, or a refined plan to a folder with `plan.json`, the tensors it brings along and its loss
 * curves, whole or not at all, and gives it as `readPlan` reads it. Throws `OUTPUT_EXISTS`, `OUTPUT_BUSY`, `DISK_FULL`,
 * `WRITE_FAILED` and `ABORTED`.
 */
export async function writePlan(
  plan: CompressionPlan | RefinedPlan,
  place: string,
  options: WritePlanOptions = {},
): Promise<PlanFile> {
  const work = workOf(options);
  const claim = { ...work, force: options.force };
  if ('plan' in plan) return writeRefined(await claimFolder(place, 'refined', claim), plan, work);
  return writeClaimed(plan, await claimFile(place, 'plan', claim));
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
