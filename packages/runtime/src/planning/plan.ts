import {
  buildPlan,
  type CompressionPlan,
  createRng,
  type Evidence,
  type FoundMethod,
  type Model,
  parseOptions,
  type Statistic,
  type Work,
} from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { engineServices } from '../services/services.js';

export interface PlanRequest extends Work {
  readonly model: Model;
  readonly method: FoundMethod;
  /** Unchecked; the method's schema judges them. */
  readonly options: object;
  /** Called once with what the method needs, unless it needs nothing. */
  measure(statistics: readonly Statistic[]): Promise<Evidence>;
}

/**
 * Lets a method decide: checks its options, has measured what it needs, and makes its decision a
 * plan. Throws `OPTIONS_INVALID`, `RATIO_TOO_HIGH`, `PLUGIN_INVALID` and what `measure` throws.
 */
export async function planCompression(engine: Engine, request: PlanRequest): Promise<CompressionPlan> {
  const { model, method, progress, signal } = request;
  const { compressor, origin } = method;
  const options = parseOptions(compressor, request.options);
  const needs = compressor.needs(model, options);
  const evidence = needs.length > 0 ? await request.measure(needs) : null;
  const decision = await compressor.plan({
    model,
    evidence,
    options,
    rng: createRng(options.seed),
    services: engineServices(engine),
    progress,
    signal,
  });
  const calibration = evidence?.calibration ?? null;
  return buildPlan({ model, compressor, origin, options, calibration, decision });
}
