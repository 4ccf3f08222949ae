import { checkWritable, type FileOutput, FolderOutput } from '@moepress/checkpoint';
import type { CalibrationSet } from '@moepress/core';
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
import { type ExpertLayout, writeHuggingFace } from '@moepress/export';
import { planCompression } from '@moepress/runtime';
import { type EngineChoice, openEngine } from '../../src/devices/open-engine.js';
import { claimFile, claimFolder, withOutput } from '../../src/files/output.js';
import { formatBytes, formatPercent } from '../../src/format.js';
import { type CalibrationChoice, calibrationSet } from '../../src/models/model-data.js';
import { openBase } from '../../src/models/open-model.js';
import { writePlan } from '../../src/plans/plan-file.js';
import { type MeasureOptions, measureEvidence } from '../../src/statistics/measure-evidence.js';
import { checkWritten } from '../../src/write-checks.js';
import type { Context } from '../context.js';

export interface CompressOptions extends PlanningOptions {
  readonly method: string;
  readonly ratio?: number;
  readonly out?: string;
  readonly planOnly?: boolean;
  /** Replaces what is at `out`. */
  readonly force?: boolean;
  readonly layout: ExpertLayout;
  readonly option?: Readonly<Record<string, unknown>>;
  /** The option of that name, of methods that drop experts. */
  readonly acrossGroups?: boolean;
  readonly revision?: string;
}

/** `moepress compress <model>`: calibrate, decide, write the checkpoint or only the plan. */
export async function compress(id: string, options: CompressOptions, context: Context): Promise<void> {
  // What can be refused at once is refused before a model comes from the Hub and is measured.
  if (options.evidence) await checkWritable(options.evidence);
  await withOutput(takeOutput(options, context), async (output) => {
    const method = await context.registry.find(options.method);
    parseOptions(method.compressor, methodOptions(options));
    const model = await openBase(id, { ...options, ...context.work });
    if (output instanceof FolderOutput) {
      const asked = { own: methodOptions(options), layout: options.layout, folder: output.path };
      await checkWritten(model, method, asked);
    }
    const plan = await makePlan(model, method, methodOptions(options), options, context);
    showWarnings(plan, context);
    if (!(output instanceof FolderOutput)) return outputPlan(plan, output, context);
    const compressed = { base: model, view: applyPlan(model, plan), plan };
    await outputCheckpoint(compressed, { ...options, out: output }, context);
  });
}

function takeOutput(
  { out, planOnly, force }: CompressOptions,
  { work }: Context,
): Promise<FileOutput | FolderOutput> | null {
  const taking = { ...work, force };
  if (out !== undefined)
    return planOnly ? claimFile(out, 'plan', taking) : claimFolder(out, 'checkpoint', taking);
  if (planOnly) return null;
  throw new MoepressError('INPUT_INVALID', {
    message: 'Nothing says where the checkpoint goes.',
    where: '--out',
    hint: 'Give --out <dir>, or --plan-only to print the plan.',
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

/** Hours of measuring may stand behind a plan: one that cannot be saved is printed. */
async function outputPlan(plan: CompressionPlan, output: FileOutput | null, context: Context): Promise<void> {
  const print = () => context.print(JSON.stringify(plan, null, 2), plan);
  if (output === null) return print();
  try {
    await writePlan(output.path, plan);
    await output.commit();
  } catch (cause) {
    print();
    throw cause;
  }
  const hash = planHash(plan);
  context.print(`Plan ${hash.slice(0, 12)} written to ${output.out}`, { out: output.out, planHash: hash });
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
  { out, layout }: { readonly out: FolderOutput; readonly layout: ExpertLayout },
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
