import { replaceFile } from '@moepress/checkpoint';
import {
  applyPlan,
  type CompressionPlan,
  type Model,
  MoepressError,
  planHash,
  removedRatios,
} from '@moepress/core';
import { checkFree, type ExpertLayout, writeHuggingFace } from '@moepress/export';
import { calibrate, Engine, planCompression } from '@moepress/runtime';
import type { Context } from '../context.js';
import { formatBytes, formatPercent } from '../format.js';
import { type CalibrationChoice, calibrationSet } from '../source/calibration.js';
import { openBase } from '../source/model.js';

export interface CompressOptions extends CalibrationChoice {
  readonly method: string;
  readonly ratio: number;
  readonly out?: string;
  readonly planOnly?: boolean;
  readonly layout: ExpertLayout;
  readonly option?: Readonly<Record<string, unknown>>;
  readonly threads?: number;
  readonly revision?: string;
}

/** `moepress compress <model>`: calibrate, decide, write the checkpoint or only the plan. */
export async function compress(id: string, options: CompressOptions, context: Context): Promise<void> {
  if (options.out === undefined && !options.planOnly) {
    throw new MoepressError('INPUT_INVALID', { message: 'There is no --out folder.', where: '--out' });
  }
  if (!options.planOnly) await checkFree(options.out!);
  const model = await openBase(id, { ...options, ...context.work });
  const plan = await makePlan(model, options, context);
  for (const message of plan.warnings) context.work.progress({ type: 'warning', message });
  if (options.planOnly) await outputPlan(plan, options.out, context);
  else await outputCheckpoint(model, plan, options.out!, options.layout, context);
}

async function makePlan(model: Model, options: CompressOptions, context: Context): Promise<CompressionPlan> {
  const method = await context.registry.find(options.method);
  const engine = new Engine(options);
  try {
    return await planCompression(engine, {
      ...context.work,
      model,
      method,
      options: { ...options.option, ratio: options.ratio, seed: options.seed },
      measure: async (statistics) => {
        const set = await calibrationSet(model, options, context.work);
        return calibrate(engine, model, set, statistics, context.work);
      },
    });
  } finally {
    await engine.dispose();
  }
}

async function outputPlan(plan: CompressionPlan, out: string | undefined, context: Context): Promise<void> {
  const text = `${JSON.stringify(plan, null, 2)}\n`;
  if (out === undefined) {
    context.print(text.trimEnd(), plan);
    return;
  }
  await replaceFile(out, (file) => file.writeFile(text));
  context.print(`Plan ${planHash(plan).slice(0, 12)} written to ${out}`, { plan: out, hash: planHash(plan) });
}

/** Applies a plan, writes the view and says what was saved. */
export async function outputCheckpoint(
  base: Model,
  plan: CompressionPlan,
  out: string,
  layout: ExpertLayout,
  context: Context,
): Promise<void> {
  const view = applyPlan(base, plan);
  const written = await writeHuggingFace(view, out, { ...context.work, layout, plan, base });
  const removed = removedRatios(base, view);
  const text = [
    `Wrote ${written.directory}: ${formatBytes(written.bytes)} in ${written.files.length} files`,
    `Removed ${formatPercent(removed.routed)} of the routed-expert parameters, ${formatPercent(removed.whole)} of the model`,
  ].join('\n');
  context.print(text, { ...written, removed, plan: planHash(plan) });
}
