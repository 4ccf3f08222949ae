import { MoepressError } from '../errors/error.js';
import { type CompressionPlan, type LearnedRecord, planSchema } from './schema.js';

/** What a plan is to say of what was learned; its options are checked. */
export type LearnedFacts = Omit<LearnedRecord, 'options'> & { readonly options: object };

/**
 * A plan with what was learned on top of it. Throws `PLAN_INVALID` for a plan that brings learned tensors
 * already, or `PLUGIN_INVALID` if the record is none.
 */
export function withLearned(plan: CompressionPlan, record: LearnedFacts): CompressionPlan {
  if (plan.learned) {
    throw new MoepressError('PLAN_INVALID', {
      message: `The plan was refined already, by ${plan.learned.refiner.name}.`,
      where: 'plan, learned',
      hint: 'Refine the plan as compress made it, or apply this one and compress the result.',
    });
  }
  const parsed = planSchema.safeParse({ ...plan, learned: record });
  if (parsed.success) return parsed.data;
  const { package: packageName, version } = record.refiner;
  throw new MoepressError('PLUGIN_INVALID', {
    message: `The refiner gave something that no plan can hold: ${parsed.error.issues[0]!.message}.`,
    where: `${packageName} ${version}`,
    hint: 'Report this to the author of the plugin.',
  });
}
