import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { applyPlan, type Model, measure, removedRatios, type Work } from '@moepress/core';
import { saveEvaluation } from '@moepress/harness';
import { compress } from '../../compress.js';
import type { SharedDevice } from '../../devices/shared-device.js';
import { evaluate } from '../../evaluate.js';
import { writeWhole } from '../../files/output.js';
import type { GenerationOptions } from '../../generation/engine-options.js';
import type { CacheOption } from '../../options.js';
import { readPlan } from '../../plans/plan-file.js';
import { addressOf } from '../address.js';
import { scoresOf } from '../metric.js';
import { type Cell, cellFile, newCell, variantFolder } from './cell.js';
import type { RecipeQuestions } from './recipe.js';
import { rowOf, type Variant } from './variant.js';

export interface CellOptions {
  /** Folder of the leaderboard. */
  readonly out: string;
  readonly questions: RecipeQuestions;
  /** Whether compressed models are compared with the original, token by token. */
  readonly compares: boolean;
  /** Address of the questions. */
  readonly asked: string;
  readonly device: SharedDevice;
  /** Who generates texts, where that is not our own runtime. */
  readonly generation: GenerationOptions;
  readonly cache: CacheOption | undefined;
}

/** What fills the cells that are not there yet, and is told of each. */
export interface FillOptions extends CellOptions {
  readonly workers: number;
  readonly cells: ReadonlyMap<Variant, Cell>;
  onCell(variant: Variant, cell: Cell): Promise<void>;
}

/** What a variant is to score. */
export interface Decided {
  readonly view: Model;
  /** Address of what its plan decides; null for the original. */
  readonly decision: string | null;
}

/** The view of a variant, by the plan that is there or a new one. */
export async function viewOf(variant: Variant, options: CellOptions, work: Work): Promise<Decided> {
  const { base, compression, address } = variant;
  if (compression === null) return { view: base, decision: null };
  const file = join(options.out, planFile(address));
  const isThere = (await stat(file).catch(() => null)) !== null;
  const plan = isThere ? (await readPlan(file)).plan : await newPlan(base, compression, options, work);
  if (!isThere) {
    await variant.checkUnchanged();
    await writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
  }
  const view = { ...applyPlan(base, plan), id: `${base.id}+plan-${address.slice(0, 12)}` };
  return { view, decision: addressOf(plan.layers) };
}

const planFile = (address: string) => join(variantFolder(address), 'plan.json');

function newPlan(
  base: Model,
  { found, method, ratio, seed, calibration }: NonNullable<Variant['compression']>,
  { questions, cache, device }: CellOptions,
  { progress, signal }: Work,
) {
  return compress(base, {
    ...device.whole,
    method: found,
    options: method.options,
    propagate: method.propagate,
    ratio: ratio ?? undefined,
    seed,
    calibration: calibration ?? undefined,
    data: questions.data,
    cache,
    signal,
    onProgress: progress,
  });
}

/** Scores the view of a variant and writes its cell. */
export async function scoreCell(
  { view, decision }: Decided,
  variant: Variant,
  { out, questions, compares, asked, device, generation, cache }: CellOptions,
  signal: AbortSignal | undefined,
): Promise<Cell> {
  const { base, compression, address, checkUnchanged } = variant;
  const against = compares && compression !== null ? base : undefined;
  const evaluation = await evaluate(view, {
    ...questions,
    ...device.each,
    ...generation,
    against,
    cache,
    signal,
  });
  await checkUnchanged();
  const results = await saveEvaluation(evaluation, join(out, variantFolder(address)));
  const time = /^results_(.+)\.json$/.exec(basename(results))![1];
  const samples = Object.keys(evaluation.samples).map((task) => [
    task,
    relative(out, join(dirname(results), `samples_${task}_${time}.jsonl`)),
  ]);
  const { parameters, bytes } = measure(view).total;
  const removed = removedRatios(base, view);
  const cell = newCell({
    variant: address,
    model: base.id,
    revision: base.revision,
    method: compression?.method.label ?? null,
    ratio: compression?.ratio ?? removed.routed,
    calibration: compression?.calibration ?? null,
    seed: compression?.seed ?? null,
    row: rowOf(variant),
    decision,
    removed,
    parameters,
    bytes,
    throughput: evaluation.throughput,
    scores: scoresOf(evaluation.record),
    movement: evaluation.record.movement ?? null,
    plan: compression && planFile(address),
    results: relative(out, results),
    samples: Object.fromEntries(samples),
  });
  await writeWhole(join(out, cellFile(address, asked)), `${JSON.stringify(cell)}\n`);
  return cell;
}
