import type { CompressionPlan, Model } from '@moepress/core';
import { parseOptions } from '@moepress/core';
import { renaming } from './check-options.js';
import { checkChosen } from './files/output.js';
import { type FindOptions, findMethod, type MethodInput } from './methods/find-methods.js';
import { useBudget } from './methods/use-plugins.js';
import { type CalibrationChoice, calibrationSet, type DataOptions } from './models/model-data.js';
import { type ModelInput, type ModelOptions, resolveModel } from './models/open-model.js';
import { type ComputeOptions, type WorkOptions, workOf } from './options.js';
import { type MethodRequest, planAll } from './planning/plan-all.js';
import { type ModelSession, type SessionOption, withSession } from './session.js';
import { Calibration, type MeasureOptions } from './statistics/calibration.js';

/** A method, how much it removes, and its further settings. */
export interface MethodChoice extends Pick<CalibrationChoice, 'calibration'> {
  /** The method's name, such as `conmoe`, or the method itself. */
  readonly method: MethodInput;
  /** Share of the routed-expert parameters to remove, in [0, 1); absent if the method's options set the size. */
  readonly ratio?: number | undefined;
  /** Seed of everything random; 0 by default. */
  readonly seed?: number | undefined;
  /**
   * Further calibration sets, for a decision that compares several, as that of the budget `max-min`: what is measured on each is
   * kept apart.
   */
  readonly domains?: readonly CalibrationChoice['calibration'][] | undefined;
  /**
   * Whether layer by layer is measured on what the layers below give once they have been decided about, instead of on what they
   * gave in the original; for methods that decide each layer by itself.
   */
  readonly propagate?: boolean | undefined;
  /** Other options of the method, by name. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** Settings that all decisions of one call share. */
export interface CompressAllOptions
  extends ComputeOptions,
    SessionOption,
    ModelOptions,
    MeasureOptions,
    FindOptions,
    WorkOptions,
    Pick<DataOptions, 'data'> {}

export interface CompressOptions extends MethodChoice, CompressAllOptions {}

/**
 * Measures what a method needs and lets it decide what of a model goes. The plan is small and plain data: `applyPlan`
 * gives the model it describes, `writePlan` keeps it, `writeCheckpoint` makes files of both. Throws `METHOD_UNKNOWN`,
 * `OPTIONS_INVALID`, `RATIO_TOO_HIGH`, `CALIBRATION_INVALID`, `PLUGIN_INVALID`, `MEMORY_EXCEEDED`,
 * `CHECKPOINT_CHANGED`, what `openModel` throws, and what reading datasets throws.
 */
export async function compress(model: ModelInput, options: CompressOptions): Promise<CompressionPlan> {
  const [plan] = await compressAll(model, [options], options);
  return plan!;
}

/**
 * Plans of several methods, ratios or options for one model, in one session: each calibration set is read once, and
 * what any choice needs of it is measured in one go. Throws what `compress` throws.
 */
export async function compressAll(
  model: ModelInput,
  choices: readonly MethodChoice[],
  options: CompressAllOptions = {},
): Promise<CompressionPlan[]> {
  await checkChosen(options.cache, 'evidence');
  const requests: MethodRequest[] = [];
  for (const choice of choices) requests.push(await requestOf(choice, options));
  const base = await resolveModel(model, options);
  const work = workOf(options);
  const planned = async (session: ModelSession) => {
    const plans = new Array<CompressionPlan>(choices.length);
    for (const [calibration, own] of byCalibration(base, choices, requests, options)) {
      const made = await planAll(session, [...own.values()], calibration, work);
      for (const [i, choice] of [...own.keys()].entries()) plans[choice] = made[i]!;
    }
    return plans;
  };
  return renaming(ownNames(choices), () => withSession(base, options, planned));
}

/** Throws `INPUT_INVALID`, `METHOD_UNKNOWN`, `PLUGIN_INVALID` and `OPTIONS_INVALID`. */
export async function requestOf(choice: MethodChoice, options: FindOptions): Promise<MethodRequest> {
  const method = await findMethod(choice.method, options);
  await useBudget(choice.options?.budget, options);
  const request = { method, options: methodOptions(choice) };
  await renaming(ownNames([choice]), async () => parseOptions(method.compressor, request.options));
  return request;
}

/** Options of methods that have names of their own here, unless one was given among the others. */
const ownNames = (choices: readonly MethodChoice[]): Readonly<Record<string, string>> => ({
  'options.seed': 'seed',
  ...(choices.every(({ ratio }) => ratio !== undefined) && { 'options.ratio': 'ratio' }),
});

export const methodOptions = ({ options, ratio, seed = 0 }: Omit<MethodChoice, 'method'>) => ({
  ...options,
  ...(ratio !== undefined && { ratio }),
  seed,
});

/** The requests that measure on the same tokens, by the numbers of their choices, with all that they need. */
function byCalibration(
  base: Model,
  choices: readonly MethodChoice[],
  requests: readonly MethodRequest[],
  options: CompressAllOptions,
): Map<Calibration, Map<number, MethodRequest>> {
  const calibrations = new Map<unknown, Calibration>();
  const groups = new Map<Calibration, Map<number, MethodRequest>>();
  const calibrationOn = ({ seed }: MethodChoice, given: MethodChoice['calibration']) => {
    // Where a text is the same and the seed another, other documents may be chosen.
    const isSet = typeof given === 'object' && 'sequences' in given;
    const key = isSet ? given : JSON.stringify([given ?? null, seed ?? 0]);
    const choice = { calibration: given, data: options.data, plugins: options.plugins, seed };
    const calibration =
      calibrations.get(key) ?? new Calibration(() => calibrationSet(base, choice, workOf(options)), options);
    calibrations.set(key, calibration);
    return calibration;
  };
  for (const [i, choice] of choices.entries()) {
    const request = requests[i]!;
    const { compressor } = request.method;
    const needs = compressor.needs(base, parseOptions(compressor, request.options));
    const [calibration, ...domains] = [choice.calibration, ...(choice.domains ?? [])].map((given) =>
      calibrationOn(choice, given),
    ) as [Calibration, ...Calibration[]];
    if (!choice.propagate) for (const one of [calibration, ...domains]) one.need(needs);
    const asked = {
      ...request,
      ...(domains.length > 0 && { domains }),
      ...(choice.propagate && { propagate: true }),
    };
    groups.set(calibration, (groups.get(calibration) ?? new Map()).set(i, asked));
  }
  return groups;
}
