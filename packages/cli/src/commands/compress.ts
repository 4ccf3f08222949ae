import {
  applyPlan,
  type CompressionPlan,
  type FoundMethod,
  type Model,
  MoepressError,
  parseOptions,
  planHash,
  type RemovedRatios,
  removedRatios,
} from '@moepress/core';
import { checkUnread, type ExpertLayout, writeHuggingFace } from '@moepress/export';
import { type CalibrationSet, planCompression } from '@moepress/runtime';
import type { Context } from '../context.js';
import { formatBytes, formatPercent } from '../format.js';
import { checkCheckpointOutput, checkFileOutput, checkFolderOutput, makeParent } from '../output.js';
import { type CalibrationChoice, calibrationSet } from '../source/calibration.js';
import { type EngineChoice, openEngine } from '../source/engine.js';
import { type MeasureOptions, measureEvidence } from '../source/measure.js';
import { openBase } from '../source/model.js';
import { writePlan } from '../source/plan.js';

export interface CompressOptions extends PlanningOptions {
  readonly method: string;
  readonly ratio?: number;
  readonly out?: string;
  readonly planOnly?: boolean;
  readonly layout: ExpertLayout;
  readonly option?: Readonly<Record<string, unknown>>;
  /** The option of that name, of methods that drop experts. */
  readonly acrossGroups?: boolean;
  readonly revision?: string;
}

/** `moepress compress <model>`: calibrate, decide, write the checkpoint or only the plan. */
export async function compress(id: string, options: CompressOptions, context: Context): Promise<void> {
  // What can be refused at once is refused before a model comes from the Hub and is measured.
  await checkOutput(options);
  const method = await context.registry.find(options.method);
  parseOptions(method.compressor, methodOptions(options));
  const model = await openBase(id, { ...options, ...context.work });
  if (!options.planOnly) checkUnread(model);
  const plan = await makePlan(model, method, methodOptions(options), options, context);
  showWarnings(plan, context);
  if (options.planOnly) return outputPlan(plan, options.out, context);
  const compressed = { base: model, view: applyPlan(model, plan), plan };
  await outputCheckpoint(compressed, { ...options, out: options.out! }, context);
}

async function checkOutput({ out, planOnly, evidence }: CompressOptions): Promise<void> {
  if (evidence) await checkFolderOutput(evidence);
  if (out !== undefined) return planOnly ? checkFileOutput(out) : checkCheckpointOutput(out);
  if (planOnly) return;
  throw new MoepressError('INPUT_INVALID', {
    message: 'Nothing says where the checkpoint goes.',
    where: '--out',
    mend: 'Give --out <dir>, or --plan-only to print the plan.',
  });
}

const methodOptions = ({ option, ratio, seed, acrossGroups }: CompressOptions) => ({
  ...option,
  ...(ratio !== undefined && { ratio }),
  ...(acrossGroups && { acrossGroups }),
  seed,
});

/** How a method's plan is made: what it is measured on, and with what. */
export interface PlanningOptions extends CalibrationChoice, MeasureOptions, EngineChoice {}

/** Measures what a method needs and lets it decide; `own` are its options. */
export async function makePlan(
  model: Model,
  method: FoundMethod,
  own: Readonly<Record<string, unknown>>,
  options: PlanningOptions,
  { work }: Context,
): Promise<CompressionPlan> {
  const engine = await openEngine(options, work);
  let loaded: Promise<CalibrationSet> | undefined;
  const calibration = () => {
    loaded ??= calibrationSet(model, options, work);
    return loaded;
  };
  try {
    return await planCompression(engine, {
      ...work,
      model,
      method,
      options: own,
      calibration,
      measure: async (statistics) =>
        measureEvidence(engine, model, await calibration(), statistics, { ...options, ...work }),
    });
  } finally {
    await engine.dispose();
  }
}

async function outputPlan(plan: CompressionPlan, out: string | undefined, context: Context): Promise<void> {
  if (out === undefined) {
    context.print(JSON.stringify(plan, null, 2), plan);
    return;
  }
  await makeParent(out);
  await writePlan(out, plan);
  const hash = planHash(plan);
  context.print(`Plan ${hash.slice(0, 12)} written to ${out}`, { out, planHash: hash });
}

/** A model, what a plan makes of it, and the plan. */
export interface Compressed {
  readonly base: Model;
  readonly view: Model;
  readonly plan: CompressionPlan;
}

/** Writes the view and says what was saved. */
export async function outputCheckpoint(
  { base, view, plan }: Compressed,
  { out, layout }: { readonly out: string; readonly layout: ExpertLayout },
  context: Context,
): Promise<void> {
  const written = await writeHuggingFace(view, out, { ...context.work, layout, plan, base });
  const removed = removedRatios(base, written.parameters);
  const planned = removedRatios(base, view);
  const text = [
    `Wrote ${written.directory}: ${formatBytes(written.bytes)} in ${written.files.length} files`,
    `Removed ${describeRemoved(removed)}`,
    ...(planned.whole > removed.whole
      ? [
          `The plan removes ${describeRemoved(planned)}: copies and zeros of the layout ${layout} fill the files up again`,
        ]
      : []),
  ].join('\n');
  context.print(text, { ...written, removed, planned, planHash: planHash(plan) });
}

const describeRemoved = ({ routed, whole }: RemovedRatios) =>
  `${formatPercent(routed)} of the routed-expert parameters, ${formatPercent(whole)} of the model`;

/** What the method wants its user to know. */
export function showWarnings({ warnings }: CompressionPlan, { work }: Context): void {
  for (const message of warnings) work.progress({ type: 'warning', message });
}
