import { type ExpertLayout, type QuantiseChoice, sizeAsWritten } from '@moepress/export';
import { type ModelInput, type ModelOptions, resolveModel } from '../models/open-model.js';
import { type WorkOptions, workOf } from '../options.js';
import { applyPlanFile, type PlanInput, resolvePlan } from '../plans/plan-file.js';
import { type Estimate, estimateOf } from './estimate.js';
import { estimateWriting } from './estimate-writing.js';

export interface EstimateWriteOptions extends ModelOptions, WorkOptions {
  readonly plan: PlanInput | null;
  /** Where the checkpoint is to be written. */
  readonly folder: string;
  readonly layout?: ExpertLayout | undefined;
  readonly quantise?: QuantiseChoice | undefined;
}

/**
 * What writing a checkpoint takes, by two small files that are tried beside it. Throws what `writeCheckpoint` throws before it
 * writes.
 */
export async function estimateWrite(model: ModelInput, options: EstimateWriteOptions): Promise<Estimate> {
  const { plan, folder, layout = 'compact', quantise, ...opening } = options;
  const work = workOf(options);
  const file = plan === null ? null : await resolvePlan(plan);
  const base = await resolveModel(model, opening);
  const view = file === null ? base : applyPlanFile(base, file);
  const bytes = sizeAsWritten(view, layout, quantise).bytes.whole;
  const { seconds, memory } = await estimateWriting(view, { folder, bytes }, work);
  const notes = quantise ? ['The time for quantising is not in these figures.'] : [];
  const phases = [{ title: 'Writing', tasks: ['Writing'], seconds }];
  return estimateOf(phases, { memory, written: bytes, notes });
}
