import { checkSpace, FolderOutput } from '@moepress/checkpoint';
import {
  applyLayers,
  type Model,
  MoepressError,
  measure,
  parseOptions,
  planHash,
  type RemovedRatios,
  removedRatios,
} from '@moepress/core';
import {
  checkCompanions,
  checkCounts,
  checkUnread,
  type EngineSupport,
  type ExpertLayout,
  expertLayouts,
  huggingFaceSupport,
  type PredictionChoice,
  predictionChoices,
  type QuantiseChoice,
  quantiseChoices,
  sizeAsWritten,
  type WrittenCheckpoint as WrittenFiles,
  writeHuggingFace,
} from '@moepress/export';
import { checkChoice, checkText } from './check-options.js';
import { claimFolder } from './files/output.js';
import { type ModelInput, type ModelOptions, resolveModel } from './models/open-model.js';
import { type WorkOptions, whileWriting } from './options.js';
import type { MethodRequest } from './planning/plan-all.js';
import { applyPlanFile, type PlanInput, resolvePlan } from './plans/plan-file.js';

export interface WriteCheckpointOptions extends ModelOptions, WorkOptions {
  /** How experts are stored that slots share or that differ in width; `compact` by default. */
  readonly layout?: ExpertLayout | undefined;
  /** Whether layers that predict further tokens are kept; by default where they can be. */
  readonly mtp?: PredictionChoice | undefined;
  /** What weights are quantised to as they are written, in files that vLLM reads; by default they stay as they are. */
  readonly quantise?: QuantiseChoice | undefined;
  /** Replaces a checkpoint that moepress wrote to the folder before. */
  readonly force?: boolean | undefined;
}

/** What was written, and what it saves. */
export interface WrittenCheckpoint extends WrittenFiles {
  /** Parameters that the files lack, copies and zeros of the layout counted as there: shares of the original's. */
  readonly removed: RemovedRatios;
  /** The same of the plan: more, where a layout fills up again what it removes. */
  readonly planned: RemovedRatios;
  /** What each program makes of the folder. */
  readonly engines: readonly EngineSupport[];
  /** SHA-256 of the plan in hexadecimal; null without one. */
  readonly planHash: string | null;
}

/**
 * Writes the model that a plan makes of `model`, or `model` itself where the plan is null, as a checkpoint folder of
 * Hugging Face's format, which appears whole or not at all. Memory does not grow with the model. Throws
 * `OUTPUT_EXISTS`, `OUTPUT_BUSY`, `DISK_FULL`, `WRITE_FAILED`, `CONFIG_UNSUPPORTED` for what the layout cannot hold,
 * `ABORTED`, and what `openModel` and `applyPlan` throw.
 */
export async function writeCheckpoint(
  model: ModelInput,
  plan: PlanInput | null,
  folder: string | FolderOutput,
  options: WriteCheckpointOptions = {},
): Promise<WrittenCheckpoint> {
  const { layout = 'compact', mtp, quantise, force } = options;
  checkChoice({ where: 'layout', value: layout }, expertLayouts);
  checkChoice({ where: 'mtp', value: mtp }, predictionChoices);
  checkChoice({ where: 'quantise', value: quantise }, quantiseChoices);
  if (!(folder instanceof FolderOutput))
    checkText({ where: 'folder', value: folder }, 'the path of a folder');
  return whileWriting(options, async (work) => {
    const output =
      typeof folder === 'string' ? await claimFolder(folder, 'checkpoint', { ...work, force }) : folder;
    try {
      const file = plan === null ? null : await resolvePlan(plan);
      const base = await resolveModel(model, { ...options, onProgress: work.progress });
      const view = file === null ? base : applyPlanFile(base, file);
      const written = await writeHuggingFace(view, output, {
        ...work,
        layout,
        mtp,
        quantise,
        plan: file?.plan,
        base,
      });
      return {
        ...written,
        removed: removedRatios(base, written.parameters),
        planned: removedRatios(base, view),
        engines: huggingFaceSupport(view, layout),
        planHash: file && planHash(file.plan),
      };
    } finally {
      await output.abandon();
    }
  });
}

/** Outlines are as large as any plan, and what is asked for may be rounded: this much of it is needed in any case. */
const surely = 0.9;

/**
 * Finds out before anything is measured what would stop the writing of a compressed model: tensors that cannot be
 * carried over, companions that are not to be copied, layers that keep different numbers of experts where the layout has one
 * number for all, and a disk with too little room. Throws `CONFIG_UNSUPPORTED`,
 * `CHECKPOINT_INVALID` and `DISK_FULL`.
 */
export async function checkWritten(
  model: Model,
  request: MethodRequest,
  {
    layout,
    quantise,
    folder,
  }: {
    readonly layout: ExpertLayout;
    readonly quantise?: QuantiseChoice | undefined;
    readonly folder: string;
  },
): Promise<void> {
  checkUnread(model);
  await checkCompanions(model);
  // A family whose experts cannot be quantised is refused for what it is.
  if (quantise) sizeAsWritten(model, layout, quantise);
  const outlined = outlinedView(model, request);
  if (outlined) checkCounts(outlined, layout);
  await checkSpace(folder, Math.floor(surely * expectedView(model, request, { layout, quantise }).bytes));
}

/** A view as large as the method's own will be; null where the method has no outline, or refuses, which it says when it plans. */
function outlinedView(model: Model, { method, options }: MethodRequest): Model | null {
  const { compressor } = method;
  try {
    const layers = compressor.outline?.(model, parseOptions(compressor, options));
    return layers ? applyLayers(model, layers) : null;
  } catch (error) {
    if (MoepressError.isInstance(error)) return null;
    throw error;
  }
}

/**
 * A view as large as what a method is going to leave, and the bytes of its weights as written, as far as they follow from the
 * options; 0 where they do not.
 */
export function expectedView(
  model: Model,
  request: MethodRequest,
  { layout, quantise }: { readonly layout: ExpertLayout; readonly quantise?: QuantiseChoice | undefined },
): { readonly view: Model; readonly bytes: number } {
  const { compressor } = request.method;
  const outlined = outlinedView(model, request);
  if (outlined) return { view: outlined, bytes: sizeOrZero(outlined, layout, quantise) };
  if (compressor.outline || quantise) return { view: model, bytes: 0 };
  const { ratio } = parseOptions(compressor, request.options);
  const { total, routedExperts } = measure(model);
  return { view: model, bytes: typeof ratio === 'number' ? total.bytes - ratio * routedExperts.bytes : 0 };
}

/** 0 where the layout cannot hold the view of an outline: the plan itself may be another. */
function sizeOrZero(view: Model, layout: ExpertLayout, quantise: QuantiseChoice | undefined): number {
  try {
    return sizeAsWritten(view, layout, quantise).bytes.whole;
  } catch (error) {
    if (MoepressError.isInstance(error)) return 0;
    throw error;
  }
}
