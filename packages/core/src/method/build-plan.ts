import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import type { CalibrationRecord } from '../evidence/calibration.js';
import type { Model } from '../model/model.js';
import { applyPlan } from '../plan/apply.js';
import { planBase } from '../plan/plan-document.js';
import { type CompressionPlan, planSchema } from '../plan/schema.js';
import type { Compressor, PlanDecision } from './compressor.js';

/** Where a method came from, recorded in its plans. */
export interface MethodOrigin {
  readonly package: string;
  readonly version: string;
}

/**
 * Turns a decision into a plan: adds its provenance, then checks it as strictly as a plan read from a file, because a
 * plugin's output is not trusted either. Throws `PLUGIN_INVALID`, or `RATIO_TOO_HIGH` if a layer would keep fewer
 * experts than its router selects.
 */
export function buildPlan(parts: {
  readonly model: Model;
  /** SHA-256 over the weight files that were measured; absent if nothing was measured. */
  readonly weights?: string | null;
  readonly compressor: Compressor;
  readonly origin: MethodOrigin;
  readonly options: object;
  readonly calibration: CalibrationRecord | null;
  /** Further calibration sets that the method compared; absent for one. */
  readonly domains?: readonly CalibrationRecord[] | undefined;
  readonly decision: PlanDecision;
}): CompressionPlan {
  const { model, compressor, origin, decision } = parts;
  const parsed = planSchema.safeParse({
    format: 'moepress-plan',
    version: 1,
    base: planBase(model, parts.weights),
    method: { name: compressor.name, package: origin.package, version: origin.version },
    options: parts.options,
    calibration: parts.calibration,
    ...(parts.domains && parts.domains.length > 0 && { domains: parts.domains }),
    layers: decision.layers,
    warnings: decision.warnings ?? [],
    details: decision.details ?? {},
    learned: null,
  });
  const wrong = (problem: string, cause: unknown) =>
    new MoepressError('PLUGIN_INVALID', {
      message: `The method decided something that is not a valid plan: ${problem}`,
      where: `${origin.package} ${origin.version}`,
      hint: 'Report this to the author of the plugin.',
      cause,
    });
  if (!parsed.success) throw wrong(z.prettifyError(parsed.error), parsed.error);
  try {
    applyPlan(model, parsed.data);
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'PLAN_INVALID') throw error;
    throw wrong(`${error.message} (${error.where})`, error);
  }
  return parsed.data;
}
