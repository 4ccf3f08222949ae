import { MoepressError } from '../errors/error.js';
import type { Model } from '../model/model.js';
import type { CompressionPlan } from './schema.js';

/** How a plan names the model it was made from; `weights` are the digest of those that were measured. */
export function planBase(
  { id, revision, architecture, headerHash }: Model,
  weights: string | null = null,
): CompressionPlan['base'] {
  return { id, revision, architecture, headers: headerHash, weights };
}

/** Throws `PLAN_BASE_MISMATCH` if a plan was made for another model. */
export function checkBase(base: Model, plan: CompressionPlan): void {
  const fits = plan.base.architecture === base.architecture && plan.base.headers === base.headerHash;
  if (fits) return;
  throw new MoepressError('PLAN_BASE_MISMATCH', {
    message: `The plan was made for ${plan.base.id} (${plan.base.architecture}, headers ${plan.base.headers.slice(0, 12)}), not for ${base.id} (${base.architecture}, headers ${base.headerHash.slice(0, 12)}).`,
    where: base.source.directory,
  });
}
