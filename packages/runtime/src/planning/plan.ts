import type { CalibrationSet } from '@moepress/core';
import {
  buildPlan,
  type CompressionPlan,
  createRng,
  type Evidence,
  type FoundMethod,
  type Model,
  MoepressError,
  parseOptions,
  type Statistic,
  type Work,
} from '@moepress/core';
import { checkSet, recordOf } from '../calibration/set.js';
import type { Engine } from '../engine/engine.js';
import { type ContentHash, weightsDigest } from '../evidence/identity.js';
import { engineTools } from '../tools/engine-tools.js';

export interface PlanRequest extends Work {
  readonly model: Model;
  readonly method: FoundMethod;
  /** Unchecked; the method's schema judges them. */
  readonly options: object;
  /** Called once with what the method needs, unless it needs nothing. */
  measure(statistics: readonly Statistic[]): Promise<Evidence>;
  /** The same for further calibration sets, for a method that compares several; absent if there is one set. */
  readonly measureDomains?: (() => Promise<readonly Evidence[]>) | undefined;
  /** The tokens of those measurements, for methods that try their decisions out on them. */
  readonly calibration?: (() => Promise<CalibrationSet>) | undefined;
}

/**
 * Lets a method decide: checks its options, has measured what it needs, and makes its decision a
 * plan. A plan that was measured names the bytes it was measured on. Throws `OPTIONS_INVALID`, `RATIO_TOO_HIGH`,
 * `CALIBRATION_INVALID`, `PLUGIN_INVALID`, `MEMORY_EXCEEDED`, what `weightsDigest` and `measure` throw, and
 * `CHECKPOINT_CHANGED`.
 */
export async function planCompression(engine: Engine, request: PlanRequest): Promise<CompressionPlan> {
  const { model, method, progress, signal } = request;
  const { compressor, origin } = method;
  const options = parseOptions(compressor, request.options);
  checkDomains(request, compressor.comparesSets?.(options) ?? false);
  const needs = compressor.needs(model, options);
  const used: { set?: CalibrationSet; weights?: ContentHash } = {};
  const measuring = async () => {
    used.weights ??= await weightsDigest(model, { progress, signal });
  };
  if (needs.length > 0) await measuring();
  const evidence = needs.length > 0 ? await request.measure(needs) : null;
  const domains = needs.length > 0 ? await request.measureDomains?.() : undefined;
  const bind = async () => {
    await measuring();
    used.set ??= await calibrationOf(request);
    return { model, sequences: used.set.sequences };
  };
  const tools = engineTools(engine, bind, progress);
  const rng = createRng(options.seed);
  const decision = await compressor.plan({ model, evidence, domains, options, rng, tools, progress, signal });
  const calibration = evidence?.calibration ?? (used.set ? recordOf(used.set) : null);
  await used.weights?.checkUnchanged();
  const weights = used.weights?.hash ?? null;
  return buildPlan({
    ...{ model, weights, compressor, origin, options, calibration, decision },
    domains: domains?.map((set) => set.calibration),
  });
}

/** Throws `OPTIONS_INVALID` for a comparison of one set, and for several sets that nothing compares. */
function checkDomains({ method, measureDomains }: PlanRequest, compares: boolean): void {
  if (compares === (measureDomains !== undefined)) return;
  const { name } = method.compressor;
  throw new MoepressError('OPTIONS_INVALID', {
    message: compares
      ? `With these options ${name} compares calibration sets, and there is one.`
      : `With these options ${name} measures on one calibration set, and there are several.`,
    where: 'domains',
    hint: compares
      ? 'Give further sets as `domains`.'
      : 'Leave out `domains`, or choose the budget max-min, which compares them.',
  });
}

async function calibrationOf({ model, method, calibration }: PlanRequest): Promise<CalibrationSet> {
  if (!calibration) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: `${method.compressor.name} tries its decisions out on calibration tokens, and there are none.`,
      where: 'the calibration set',
    });
  }
  const set = await calibration();
  checkSet(model, set);
  if (set.counted) {
    throw new MoepressError('CALIBRATION_INVALID', {
      message: `Only answers count in the calibration set, and ${method.compressor.name} tries its decisions out on all tokens.`,
      where: set.source,
      hint: 'Leave out `answers`, or choose another method.',
    });
  }
  return set;
}
