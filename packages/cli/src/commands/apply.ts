import type { ExpertLayout } from '@moepress/export';
import type { Context } from '../context.js';
import { checkCheckpointOutput } from '../output.js';
import { openBase, readPlan, warnOfOtherBase } from '../source/model.js';
import { outputCheckpoint } from './compress.js';

export interface ApplyOptions {
  readonly out: string;
  readonly layout: ExpertLayout;
  readonly revision?: string;
}

/** `moepress apply <plan.json> <model>` */
export async function apply(
  planFile: string,
  id: string,
  options: ApplyOptions,
  context: Context,
): Promise<void> {
  // Before a base comes from the Hub, which may take hours.
  const plan = await readPlan(planFile);
  await checkCheckpointOutput(options.out);
  const base = await openBase(id, { ...options, ...context.work });
  warnOfOtherBase(plan, base, context.work);
  await outputCheckpoint(base, plan, options.out, options.layout, context);
}
