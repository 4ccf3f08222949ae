import type { ExpertLayout } from '@moepress/export';
import { claimFolder, withOutput } from '../../src/files/output.js';
import { openBase, warnOfOtherBase } from '../../src/models/open-model.js';
import { applyPlanFile, readPlan } from '../../src/plans/plan-file.js';
import type { Context } from '../context.js';
import { outputCheckpoint, showWarnings } from './compress-command.js';

export interface ApplyOptions {
  readonly out: string;
  readonly layout: ExpertLayout;
  readonly force?: boolean;
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
  const file = await readPlan(planFile);
  const taking = claimFolder(options.out, 'checkpoint', { ...context.work, force: options.force });
  await withOutput(taking, async (output) => {
    const base = await openBase(id, { ...options, ...context.work });
    await warnOfOtherBase(file.plan, base, context.work);
    const view = applyPlanFile(base, file);
    showWarnings(file.plan, context);
    await outputCheckpoint({ base, view, plan: file.plan }, { ...options, out: output! }, context);
  });
}
