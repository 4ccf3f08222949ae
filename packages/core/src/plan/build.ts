import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import type { CalibrationRecord } from '../evidence/evidence.js';
import type { Compressor, PlanDecision } from '../method/compressor.js';
import type { Model } from '../model/model.js';
import { applyPlan } from './apply.js';
import { type CompressionPlan, planSchema } from './schema.js';

/** Where a method came from, recorded in its plans. */
export interface MethodOrigin {
  readonly package: string;
  readonly version: string;
}

/** Checks options against the method's schema. Throws `OPTIONS_INVALID` naming the option. */
export function parseOptions<O extends { ratio: number; seed: number }>(
  compressor: Compressor<O>,
  given: unknown,
): O {
  const parsed = compressor.options.safeParse(given);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new MoepressError('OPTIONS_INVALID', {
    message: `${first?.message ?? z.prettifyError(parsed.error)}.`,
    where: `option ${first?.path.join('.') || '?'} of ${compressor.name}`,
  });
}

/**
 * Makes a decision a plan: adds where it came from, then checks it as strictly as a plan read from
 * a file, since a plugin's output is no more trusted. Throws what `applyPlan` throws.
 */
export function buildPlan(parts: {
  readonly model: Model;
  readonly compressor: Compressor;
  readonly origin: MethodOrigin;
  readonly options: object;
  readonly calibration: CalibrationRecord | null;
  readonly decision: PlanDecision;
}): CompressionPlan {
  const { model, compressor, origin, decision } = parts;
  const parsed = planSchema.safeParse({
    format: 'moepress-plan',
    version: 1,
    base: {
      id: model.id,
      revision: model.revision,
      architecture: model.architecture,
      headers: model.headerHash,
    },
    method: { name: compressor.name, package: origin.package, version: origin.version },
    options: parts.options,
    calibration: parts.calibration,
    layers: decision.layers,
    warnings: decision.warnings ?? [],
    details: decision.details ?? {},
  });
  if (!parsed.success) {
    throw new MoepressError('PLUGIN_INVALID', {
      message: `The method decided something that is no valid plan: ${z.prettifyError(parsed.error)}`,
      where: `${origin.package} ${origin.version}`,
      mend: 'Report this to the author of the plugin.',
    });
  }
  applyPlan(model, parsed.data);
  return parsed.data;
}
