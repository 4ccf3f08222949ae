import { stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { applyPlan, type Model, measure, removedRatios, throwIfAborted, type Work } from '@moepress/core';
import { parseCalibration, type ResultsRecord, saveEvaluation } from '@moepress/harness';
import { makePlan } from '../commands/compress.js';
import type { Context } from '../context.js';
import { inLanes } from '../lanes.js';
import type { AnswersChoice } from '../scoring/answers.js';
import { type Questions, scoreView } from '../scoring/local.js';
import { readPlan } from '../source/model.js';
import { type Cell, cellFile, newCell, readCell, variantFolder, writeWhole } from './cell.js';
import { addressOf, optionsOf, type Variant } from './variant.js';

export interface RunOptions {
  /** Folder of the leaderboard. */
  readonly out: string;
  readonly questions: Questions;
  /** Variants scored at once. */
  readonly workers: number;
  readonly threads: number;
  readonly evidence?: string | false;
  readonly answers: AnswersChoice;
  /** Told of all cells that are there whenever one more is. */
  onCells(cells: readonly Cell[]): Promise<void>;
}

/** Plans and scores what is not there yet. The cells are in the order of the variants. */
export async function runVariants(
  variants: readonly Variant[],
  options: RunOptions,
  context: Context,
): Promise<Cell[]> {
  const { out, questions } = options;
  const asked = addressOf(questions);
  const cells: (Cell | null)[] = [];
  for (const { address } of variants) {
    cells.push(await readCell(join(out, cellFile(address, asked)), address));
  }
  const finished = () => cells.filter((cell) => cell !== null);
  const { progress, signal } = context.work;
  const task = 'Filling the leaderboard';
  progress({ type: 'start', task, total: variants.length, unit: 'models' });
  const report = async (note: string) => {
    progress({ type: 'advance', task, done: finished().length, note });
    await options.onCells(finished());
  };
  await report('found');
  const open = variants.flatMap((variant, i) => (cells[i] === null ? [{ variant, i }] : []));
  // One after the other: methods share what is measured, and measuring takes all threads.
  const views: { readonly view: Model; readonly variant: Variant; readonly i: number }[] = [];
  for (const { variant, i } of open) {
    throwIfAborted(signal);
    views.push({ view: await viewOf(variant, options, context), variant, i });
  }
  await inLanes(views, options.workers, signal, async ({ view, variant, i }, work) => {
    cells[i] = await score(view, variant, options, asked, work);
    await report(view.id);
  });
  progress({ type: 'end', task });
  return finished();
}

/** The view of a variant, by the plan that is there or a new one. */
async function viewOf(variant: Variant, options: RunOptions, context: Context): Promise<Model> {
  const { base, compression, address } = variant;
  if (compression === null) return base;
  const file = join(options.out, planFile(address));
  const isThere = (await stat(file).catch(() => null)) !== null;
  const plan = isThere ? await readPlan(file) : await newPlan(variant, compression, options, context);
  if (!isThere) await writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
  return { ...applyPlan(base, plan), id: `${base.id}+plan-${address.slice(0, 12)}` };
}

const planFile = (address: string) => join(variantFolder(address), 'plan.json');

function newPlan(
  { base }: Variant,
  compression: NonNullable<Variant['compression']>,
  { questions, evidence }: RunOptions,
  context: Context,
) {
  const { found, calibration, seed } = compression;
  const choice = {
    seed,
    minTokens: 32,
    ...(calibration !== null && { calibration: parseCalibration(calibration) }),
    ...(questions.data !== undefined && { data: questions.data }),
    ...(evidence !== undefined && { evidence }),
  };
  return makePlan(base, found, optionsOf(compression), choice, context);
}

async function score(
  view: Model,
  { base, compression, address }: Variant,
  { out, questions, threads, answers }: RunOptions,
  asked: string,
  work: Work,
): Promise<Cell> {
  const evaluation = await scoreView(view, questions, { threads, answers }, work);
  const results = await saveEvaluation(evaluation, join(out, variantFolder(address)));
  const time = /^results_(.+)\.json$/.exec(basename(results))![1];
  const samples = Object.keys(evaluation.samples).map((task) => [
    task,
    relative(out, join(dirname(results), `samples_${task}_${time}.jsonl`)),
  ]);
  const { parameters, bytes } = measure(view).total;
  const cell = newCell({
    variant: address,
    model: base.id,
    revision: base.revision,
    method: compression?.method.label ?? null,
    ratio: compression?.ratio ?? 0,
    calibration: compression?.calibration ?? null,
    seed: compression?.seed ?? null,
    removed: removedRatios(base, view),
    parameters,
    bytes,
    scores: scoresOf(evaluation.record),
    plan: compression && planFile(address),
    results: relative(out, results),
    samples: Object.fromEntries(samples),
  });
  await writeWhole(join(out, cellFile(address, asked)), `${JSON.stringify(cell)}\n`);
  return cell;
}

/** The numbers of tasks and groups, standard errors among them. */
function scoresOf({ results }: ResultsRecord): Cell['scores'] {
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
