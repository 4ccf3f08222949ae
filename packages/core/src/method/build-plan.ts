import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import { suggest } from '../errors/suggest.js';
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

/** Checks options against the schema of a method or refiner. Throws `OPTIONS_INVALID` naming the option. */
export function parseOptions<O>(
  owner: { readonly name: string; readonly options: z.ZodType<O> },
  given: unknown,
): O {
  const parsed = owner.options.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) throw unknownOption(owner, unknown);
  throw new MoepressError('OPTIONS_INVALID', {
    message: `${issue.message}.`,
    where: ['options', ...issue.path].join('.'),
  });
}

function unknownOption(
  { name, options }: { name: string; options: z.ZodType },
  given: string,
): MoepressError {
  const known = options instanceof z.ZodObject ? Object.keys(options.shape) : [];
  const guess = suggest(given, known);
  return new MoepressError('OPTIONS_INVALID', {
    message: `${name} has no option "${given}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: 'options',
    hint: known.length > 0 ? `Pick from ${known.join(', ')}.` : undefined,
  });
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
