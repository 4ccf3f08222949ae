import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import { parseJson } from '../json.js';
import type { Model } from '../model/model.js';
import { sha256 } from '../sha256.js';
import { type CompressionPlan, type LearnedRecord, planSchema } from './schema.js';

/** The deepest nesting that is accepted: no plan needs more, and a check without a limit could overflow the stack. */
const maxDepth = 64;

/** Checks untrusted JSON. Throws `PLAN_INVALID` naming the first wrong field. */
export function parsePlan(json: string, where: string): CompressionPlan {
  let data: unknown;
  try {
    data = parseJson(json, { maxDepth, pythonWords: false });
  } catch (cause) {
    throw new MoepressError('PLAN_INVALID', { message: `Not JSON: ${String(cause)}`, where, cause });
  }
  const parsed = planSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  const path = first?.path.join('.') || 'the document';
  throw new MoepressError('PLAN_INVALID', {
    message: `${path}: ${first?.message ?? z.prettifyError(parsed.error)}.`,
    where,
  });
}

/** JSON with sorted keys, so that equal plans have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** SHA-256 of a plan's canonical JSON: the name by which a written checkpoint records its plan. */
export function planHash(plan: CompressionPlan): string {
  return sha256(canonicalJson(plan));
}

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

/** The record of what was trained, as a plan stores it; its options are checked. */
export type LearnedFacts = Omit<LearnedRecord, 'options'> & { readonly options: object };

/**
 * A plan with trained tensors added to it. Throws `PLAN_INVALID` for a plan that has trained tensors already, or
 * `PLUGIN_INVALID` if the record is invalid.
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
