import { MoepressError, measure, suggest } from '@moepress/core';
import {
  type EngineSupport,
  type ExpertLayout,
  expertLayouts,
  isLoaded,
  type PredictionChoice,
  predictionChoices,
} from '@moepress/export';
import { checkChoice, checkText } from './check-options.js';
import type { ExportSubject, ExportTarget, ImportanceChoice } from './exporting/export-target.js';
import { exportTargetNames, exportTargets } from './exporting/export-targets.js';
import { pluginTarget } from './exporting/plugin-target.js';
import { formatBytes } from './format.js';
import { openPlugins } from './methods/find-methods.js';
import type { CalibrationChoice } from './models/model-data.js';
import { type ModelInput, type ModelOptions, resolveModel, warnOfOtherBase } from './models/open-model.js';
import { type ComputeOptions, type WorkOptions, whileWriting, workOf } from './options.js';
import { applyPlanFile, type PlanInput, resolvePlan } from './plans/plan-file.js';
import type { MeasureOptions } from './statistics/calibration.js';
import { measureImportance } from './statistics/measure-importance.js';

export interface DescribeExportOptions extends ModelOptions, WorkOptions {
  /** The format: `gguf`, or `hf` for a folder of Hugging Face's format. */
  readonly to: string;
  /** The type of the weights; which there are depends on the format. The first of them by default. */
  readonly type?: string | undefined;
  /** Exports the model as this plan changes it. */
  readonly plan?: PlanInput | undefined;
  /** How experts are stored that slots share or that differ in width, in formats that leave a choice; `compact` by default. */
  readonly layout?: ExpertLayout | undefined;
  /** Whether layers that predict further tokens are kept; by default where they can be. */
  readonly mtp?: PredictionChoice | undefined;
}

export interface ExportModelOptions
  extends DescribeExportOptions,
    Omit<CalibrationChoice, 'plugins'>,
    ComputeOptions,
    Pick<MeasureOptions, 'cache'> {
  /**
   * A file of `llama-imatrix`, for formats that quantise by the importance of columns; measured on the model before or after its plan.
   * With `calibration` in its place, what products multiply weights with is measured on that text.
   */
  readonly imatrix?: string | undefined;
  /** A file to write what is measured on `calibration` to. */
  readonly imatrixOut?: string | undefined;
  /** Replaces what is at the output path. */
  readonly force?: boolean | undefined;
}

/** What an export writes, and who loads it. */
export interface ExportOutlook {
  readonly to: string;
  readonly type: string;
  /** What each engine makes of it. */
  readonly engines: readonly EngineSupport[];
  /** Bytes of the weights as written, and of the model's as it was before any plan. */
  readonly bytes: number;
  readonly sourceBytes: number;
  /** What one should know of the output, a sentence each. */
  readonly notes: readonly string[];
}

export interface ExportedModel extends ExportOutlook {
  /** The file or folder. */
  readonly out: string;
  /** Bytes of all that was written. */
  readonly writtenBytes: number;
}

/**
 * What an export would write and which engines load it; reads no weight and writes nothing. Throws `INPUT_INVALID`,
 * `CONFIG_UNSUPPORTED` for what the format cannot hold, and what `openModel` and `applyPlan` throw.
 */
export async function describeExport(
  model: ModelInput,
  options: DescribeExportOptions,
): Promise<ExportOutlook> {
  const choice = await checkedChoice(options);
  return outlookOf(await subjectOf(model, options), choice);
}

/**
 * Writes a model, as the plan changes it if there is one, in the format of another engine; the output appears whole or
 * not at all, and memory does not grow with the model. Warns where the output is larger than its source. Throws what
 * `describeExport` throws, `OUTPUT_EXISTS`, `OUTPUT_BUSY`, `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export async function exportModel(
  model: ModelInput,
  out: string,
  options: ExportModelOptions,
): Promise<ExportedModel> {
  checkText({ where: 'out', value: out }, 'the path of the output');
  const choice = await checkedChoice(options);
  const importance = importanceChoice(options, choice);
  return whileWriting(options, async (work) => {
    const subject = await subjectOf(model, { ...options, onProgress: work.progress });
    const outlook = await outlookOf(subject, choice);
    const warn = (message: string) => work.progress?.({ type: 'warning', message });
    if (outlook.engines.length > 0 && !isLoaded(outlook.engines))
      warn('None of the engines above loads this export.');
    if (outlook.bytes > outlook.sourceBytes && !choice.target.tellsOfGrowth) warn(growth(outlook));
    for (const note of outlook.notes) warn(note);
    const { target, ...chosen } = choice;
    const writing = { ...chosen, ...work, force: options.force, importance };
    const { bytes } = await target.write(subject, out, writing);
    return { ...outlook, out, writtenBytes: bytes };
  });
}

const growth = ({ bytes, sourceBytes }: ExportOutlook) =>
  `The weights will take ${formatBytes(bytes)}, more than the ${formatBytes(sourceBytes)} of their source. Choose a smaller \`type\` if that is not meant.`;

interface Choice {
  readonly target: ExportTarget;
  readonly type: string;
  readonly layout: ExpertLayout;
  readonly mtp: PredictionChoice | undefined;
}

/** Throws `INPUT_INVALID` for an importance that nothing would come of. */
function importanceChoice(
  options: ExportModelOptions,
  { target, type }: Choice,
): ImportanceChoice | undefined {
  const { imatrix, imatrixOut, calibration } = options;
  for (const [where, value] of Object.entries({ imatrix, imatrixOut }))
    if (value !== undefined) checkText({ where, value }, 'the path of a file');
  if (imatrix === undefined && imatrixOut === undefined && calibration === undefined) return undefined;
  const refuse = (where: string, message: string, hint: string) =>
    new MoepressError('INPUT_INVALID', { message, where, hint });
  const given = imatrix !== undefined ? 'imatrix' : calibration !== undefined ? 'calibration' : 'imatrixOut';
  const { weighedTypes = [] } = target;
  if (weighedTypes.length === 0)
    throw refuse(given, `Exports to ${target.name} use no importance matrix.`, 'Leave it out.');
  if (imatrixOut !== undefined && calibration === undefined)
    throw refuse('imatrixOut', 'Nothing is measured that could be written.', 'Give `calibration`.');
  if (imatrix !== undefined && calibration !== undefined)
    throw refuse('imatrix', 'It is given, and `calibration` as well.', 'Give one of both.');
  if (!weighedTypes.includes(type) && imatrixOut === undefined)
    throw refuse(
      given,
      `The type ${type} uses no importance matrix.`,
      `Choose one of the types ${weighedTypes.join(', ')}${imatrix === undefined ? ', or give `imatrixOut`' : ''}.`,
    );
  if (imatrix !== undefined) return { file: imatrix };
  return {
    measure: (view, written, work) => measureImportance(view, written, options, work),
    out: imatrixOut,
  };
}

async function checkedChoice(options: DescribeExportOptions): Promise<Choice> {
  const { to, type, layout = 'compact', mtp } = options;
  const target = exportTargets.find(({ name }) => name === to) ?? (await targetOfPlugin(options));
  checkChoice({ where: 'type', value: type }, target.types);
  checkChoice({ where: 'layout', value: layout }, expertLayouts);
  checkChoice({ where: 'mtp', value: mtp }, predictionChoices);
  return { target, type: type ?? target.types[0]!, layout, mtp };
}

/** The format of an installed plugin. Throws `INPUT_INVALID` with all that there are, and `PLUGIN_INVALID`. */
async function targetOfPlugin({ to, plugins, onProgress }: DescribeExportOptions): Promise<ExportTarget> {
  const { installed } = openPlugins({ plugins, onProgress });
  const found = await installed.declared('exporters', to);
  if (found) return pluginTarget(found);
  const names = [...exportTargetNames, ...(await installed.names('exporters'))];
  const guess = suggest(String(to), names);
  throw new MoepressError('INPUT_INVALID', {
    message: `There is no format "${to}" to export to.${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: 'to',
    hint: `Choose one of ${names.join(', ')}.`,
  });
}

async function subjectOf(
  model: ModelInput,
  { plan, ...options }: DescribeExportOptions,
): Promise<ExportSubject> {
  const work = workOf(options);
  // First, because a base from the Hub may take hours to come.
  const file = plan === undefined ? null : await resolvePlan(plan);
  const base = await resolveModel(model, options);
  if (file === null) return { view: base, base, plan: undefined };
  await warnOfOtherBase(file.plan, base, work);
  return { view: applyPlanFile(base, file), base, plan: file.plan };
}

async function outlookOf(subject: ExportSubject, { target, ...choice }: Choice): Promise<ExportOutlook> {
  const outlook = await target.outlook(subject, choice);
  return { to: target.name, type: choice.type, sourceBytes: measure(subject.base).total.bytes, ...outlook };
}
