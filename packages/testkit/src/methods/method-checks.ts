import {
  applyLayers,
  type Compressor,
  type Model,
  measure,
  moeBlocks,
  optionsJsonSchema,
  parseOptions,
  removedRatios,
} from '@moepress/core';
import { type Check, type ConformanceOptions, difference, hold, refusal, same } from '../checks/check.js';
import { logitsOf } from '../toys/engines.js';
import { measuringChecks } from './measuring-checks.js';
import { decide, type Trial } from './trial.js';
import { Trials } from './trials.js';
import { viewChecks } from './view-checks.js';

/** The least and the most that a budget may be missed by without a warning: one expert or channel of each layer. */
const unitOf = (model: Model): number => {
  const experts = moeBlocks(model).map(({ ffn }) => ffn.pool.length);
  const widths = model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? [ffn.mlp.width] : []));
  return 1 / Math.min(...(experts.length > 0 ? experts : widths));
};

/** What must hold for a method: a compressor, or a scorer as the method that drops the lowest. */
export function methodChecks(compressor: Compressor, settings: ConformanceOptions): Check[] {
  const trials = new Trials(compressor, settings);
  const checks: Check[] = [
    { name: 'refuses bad options with a hint', run: () => refusesBadOptions(trials) },
    { name: 'makes a valid plan for toys of all kinds', run: async () => void (await trials.accepted()) },
    { name: 'decides the same again', run: () => decidesTheSame(trials) },
    { name: 'changes nothing that it is given', run: () => changesNothing(trials) },
    ...(trials.hasRatio
      ? [
          { name: 'removes nothing at ratio 0', run: () => removesNothing(trials) },
          { name: 'meets its budget', run: () => meetsBudget(trials) },
        ]
      : []),
    ...(compressor.outline ? [{ name: 'outlines what it removes', run: () => outlines(trials) }] : []),
    ...measuringChecks(trials),
    ...viewChecks(trials),
  ];
  return checks.map(({ name, run }) => ({ name: `${compressor.name}: ${name}`, run }));
}

async function refusesBadOptions(trials: Trials): Promise<void> {
  const { compressor } = trials;
  const good = trials.given();
  const properties = (optionsJsonSchema(compressor.options)?.properties ?? {}) as object;
  const bad: Record<string, unknown>[] = [
    { ...good, thereIsNoSuchOption: 1 },
    { ...good, seed: 'none' },
    ...('ratio' in properties
      ? [
          { ...good, ratio: 1.5 },
          { ...good, ratio: -1 },
        ]
      : []),
  ];
  parseOptions(compressor, good);
  for (const given of bad) {
    const error = await refusal(
      () => parseOptions(compressor, given),
      `The options ${JSON.stringify(given)} must be refused`,
    );
    hold(
      error.code === 'OPTIONS_INVALID',
      `The options ${JSON.stringify(given)} are refused with ${error.code} instead of OPTIONS_INVALID.`,
    );
  }
}

async function decidesTheSame(trials: Trials): Promise<void> {
  const { toy, model, plan } = await trials.first();
  const again = await decide(trials.compressor, { toy, model, given: trials.given() });
  same(
    { ...plan, warnings: null },
    { ...again.plan, warnings: null },
    `On the toy "${toy}" the method decides otherwise when it is asked again with the same seed: draw random numbers from the context's rng alone.`,
  );
}

async function changesNothing(trials: Trials): Promise<void> {
  let all: readonly Trial[];
  try {
    all = await trials.accepted();
  } catch (error) {
    const { cause = error } = error as Error;
    const isWriting =
      cause instanceof TypeError && /read.?only|not extensible|Cannot delete/.test(cause.message);
    if (!isWriting) throw error;
    throw new Error(`The method writes to the model or the options that it is given: ${cause.message}.`, {
      cause,
    });
  }
  for (const { toy, isEvidenceKept } of all) {
    hold(
      isEvidenceKept,
      `On the toy "${toy}" the method changes the numbers of the evidence: work on copies.`,
    );
  }
}

async function removesNothing(trials: Trials): Promise<void> {
  for (const { toy, model, view } of await trials.accepted(0)) {
    hold(
      measure(view).total.parameters === measure(model).total.parameters,
      `On the toy "${toy}" a plan at ratio 0 changes the number of parameters.`,
    );
  }
  const { toy, model, view, plan } = await trials.first(0);
  if (plan.layers.length === 0) return;
  const [a, b] = [await logitsOf(model), await logitsOf(view)];
  const gap = Math.max(...a.map((own, i) => difference(own, b[i]!)));
  hold(gap < 1e-5, `On the toy "${toy}" a plan at ratio 0 changes the logits (by ${gap.toExponential(1)}).`);
}

async function meetsBudget(trials: Trials): Promise<void> {
  for (const { toy, model, view, plan, options } of await trials.accepted()) {
    if (options.ratio === undefined) continue;
    const removed = removedFrom(model, view);
    const isMet = Math.abs(removed - options.ratio) <= unitOf(model) + 1e-9;
    hold(
      isMet || plan.warnings.length > 0,
      `On the toy "${toy}" ${percent(removed)} go where ${percent(options.ratio)} were asked for, and no warning says so.`,
    );
  }
}

/** Share of the parameters of routed experts that is removed; of dense FFNs in a model without experts. */
function removedFrom(model: Model, view: Model): number {
  if (moeBlocks(model).length > 0) return removedRatios(model, view).routed;
  return 1 - measure(view).denseFfns.parameters / measure(model).denseFfns.parameters;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

async function outlines(trials: Trials): Promise<void> {
  for (const { toy, model, view, options } of await trials.accepted()) {
    // Where experts differ in size, how many parameters go depends on which go, which is not known before measuring.
    if (toy === 'ragged') continue;
    const outlined = applyLayers(model, trials.compressor.outline!(model, options));
    hold(
      measure(outlined).total.parameters === measure(view).total.parameters,
      `On the toy "${toy}" outline() leaves another number of parameters than the plan.`,
    );
  }
}
