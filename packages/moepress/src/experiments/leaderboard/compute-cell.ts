import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { applyPlan, type Model, measure, removedRatios } from '@moepress/core';
import { parseCalibration, type ResultsRecord, saveEvaluation } from '@moepress/harness';
import { makePlan } from '../../../cli/commands/compress-command.js';
import type { Context } from '../../../cli/context.js';
import type { SharedDevice } from '../../devices/open-engine.js';
import { type Questions, scoreView } from '../../evaluation/local-evaluation.js';
import type { AnswersChoice } from '../../evaluation/response-cache.js';
import { readPlan } from '../../plans/plan-file.js';
import { type Cell, cellFile, newCell, variantFolder, writeWhole } from '../cell.js';
import { optionsOf, type Variant } from './variant.js';

export interface ComputeOptions {
  /** Folder of the leaderboard. */
  readonly out: string;
  readonly questions: Questions;
  /** Address of the questions. */
  readonly asked: string;
  readonly threads: number;
  readonly device: SharedDevice;
  readonly evidence?: string | false;
  readonly answers: AnswersChoice;
}

/** The view of a variant, by the plan that is there or a new one. */
export async function viewOf(variant: Variant, options: ComputeOptions, context: Context): Promise<Model> {
  const { base, compression, address } = variant;
  if (compression === null) return base;
  const file = join(options.out, planFile(address));
  const isThere = (await stat(file).catch(() => null)) !== null;
  const plan = isThere ? (await readPlan(file)).plan : await newPlan(variant, compression, options, context);
  if (!isThere) {
    await variant.checkUnchanged();
    await writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
  }
  return { ...applyPlan(base, plan), id: `${base.id}+plan-${address.slice(0, 12)}` };
}

const planFile = (address: string) => join(variantFolder(address), 'plan.json');

function newPlan(
  { base }: Variant,
  compression: NonNullable<Variant['compression']>,
  { questions, evidence, device }: ComputeOptions,
  context: Context,
) {
  const { found, calibration, seed } = compression;
  const choice = {
    seed,
    minTokens: 32,
    ...device,
    ...(calibration !== null && { calibration: parseCalibration(calibration) }),
    ...(questions.data !== undefined && { data: questions.data }),
    ...(evidence !== undefined && { evidence }),
  };
  return makePlan(base, found, optionsOf(compression), choice, context);
}

/** Scores the view of a variant and writes its cell. */
export async function scoreCell(
  view: Model,
  { base, compression, address, checkUnchanged }: Variant,
  { out, questions, asked, threads, device, answers }: ComputeOptions,
  signal: AbortSignal | undefined,
): Promise<Cell> {
  const evaluation = await scoreView(
    view,
    questions,
    { ...device, ...device.each, threads, answers },
    { signal },
  );
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
    removed,
    parameters,
    bytes,
    throughput: evaluation.throughput,
    scores: scoresOf(evaluation.record),
    plan: compression && planFile(address),
    results: relative(out, results),
    samples: Object.fromEntries(samples),
  });
  await writeWhole(join(out, cellFile(address, asked)), `${JSON.stringify(cell)}\n`);
  return cell;
}

/** The numbers of tasks and groups, standard errors among them. */
export function scoresOf({ results }: ResultsRecord): Cell['scores'] {
  return Object.fromEntries(
    Object.entries(results).map(([task, result]) => [
      task,
      Object.fromEntries(
        Object.entries(result).filter(
          (entry): entry is [string, number] => entry[0].includes(',') && typeof entry[1] === 'number',
        ),
      ),
    ]),
  );
}
