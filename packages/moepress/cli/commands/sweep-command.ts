import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { parseCalibration } from '@moepress/harness';
import { type DeviceOptions, modelIdentity } from '@moepress/runtime';
import { type SharedOptions, sharedDevice } from '../../src/devices/open-engine.js';
import type { Questions } from '../../src/evaluation/local-evaluation.js';
import { writeWhole } from '../../src/experiments/cell.js';
import { type Configuration, configurationsOf } from '../../src/experiments/sweep/configuration.js';
import { factorsOf, type Grid, readGrid } from '../../src/experiments/sweep/grid.js';
import { runConfigurations, type Shared } from '../../src/experiments/sweep/run-configurations.js';
import { factors } from '../../src/experiments/sweep/spread.js';
import type { AskedEntry, Entry } from '../../src/experiments/sweep/sweep-entry.js';
import { sharedEvidence } from '../../src/experiments/sweep/sweep-evidence.js';
import { type Measure, measuresOf, ranked } from '../../src/experiments/sweep/sweep-measure.js';
import { Results } from '../../src/experiments/sweep/sweep-results.js';
import { renderSpread } from '../../src/figures/spread-figure.js';
import type { LocatedYaml } from '../../src/files/yaml-file.js';
import { calibrationSet } from '../../src/models/model-data.js';
import { openBase } from '../../src/models/open-model.js';
import type { Context } from '../context.js';
import { sweepText } from '../text/sweep-text.js';

export interface SweepOptions extends SharedOptions {
  readonly out: string;
  readonly data?: string;
  /** Configurations tried at once; one a core by default, or one where a device computes. */
  readonly workers?: number;
  readonly evidence?: string | false;
}

/** `moepress sweep <grid.yaml>`: tries every combination of a method's options that has not been tried yet. */
export async function sweep(file: string, options: SweepOptions, context: Context): Promise<void> {
  const out = resolve(options.out);
  const located = await readGrid(file);
  const folder = await WorkFolder.open(out, context.work);
  try {
    await fill(located, { ...options, out }, context);
  } finally {
    await folder.release();
  }
}

async function fill(located: LocatedYaml<Grid>, options: SweepOptions, context: Context): Promise<void> {
  const { out } = options;
  const { data: grid } = located;
  const method = await context.registry.find(grid.method);
  const base = await openBase(grid.model, {
    ...context.work,
    ...(grid.revision !== null && { revision: grid.revision }),
  });
  const choice = {
    seed: grid.seed,
    ...(grid.calibration !== undefined && { calibration: parseCalibration(grid.calibration) }),
    ...(options.data !== undefined && { data: options.data }),
  };
  const set = await calibrationSet(base, choice, context.work);
  const identity = await modelIdentity(base, context.work);
  const configurations = await configurationsOf(located, { base, identity: identity.hash, method, set });
  const workers = options.workers ?? (isProcessor(options) ? availableParallelism() : 1);
  const device = await sharedDevice(options, workers, context.work);
  const shared: Shared = {
    base,
    method,
    set,
    device,
    evidence: sharedEvidence(configurations, { ...options, base, set, device }, context),
    results: await Results.open(out),
    checkUnchanged: identity.checkUnchanged,
    workers,
    threads: Math.max(1, Math.floor(availableParallelism() / workers)),
  };
  const ask = (of: readonly Configuration[], { tasks, limit }: Pick<Questions, 'tasks' | 'limit'>) =>
    runConfigurations(
      of,
      { tasks, limit, numFewshot: grid.num_fewshot, data: options.data },
      shared,
      context,
    );
  const entries = (await ask(configurations, grid)).map((entry): AskedEntry => ({ ...entry, again: {} }));
  const by = chosenMeasure(entries, grid);
  const isBest = bestOf(entries, by, grid);
  const further = grid.best ? await ask(configurations.filter(isBest), grid.best) : [];
  await show(grid, joined(entries, further, grid), by.name, out, context);
}

const isProcessor = ({ device = 'cpu' }: DeviceOptions): boolean => device === 'cpu';

/** Whether a configuration is among the best, which are asked what is too much to ask of all. */
function bestOf(entries: readonly AskedEntry[], by: Measure, { best }: Grid) {
  const chosen = ranked(entries, by).slice(0, best?.count ?? 0);
  const addresses = new Set(chosen.map(({ configuration }) => configuration));
  return ({ address }: Configuration): boolean => addresses.has(address);
}

/** The entries with their further scores; those on other documents than all were asked stand apart. */
function joined(entries: readonly AskedEntry[], further: readonly Entry[], grid: Grid): AskedEntry[] {
  const found = new Map(further.map((entry) => [entry.configuration, entry.scores]));
  return entries.map((entry) => {
    const scores = Object.entries(found.get(entry.configuration) ?? {});
    const isOther = ([task]: [string, unknown]) => task in entry.scores && grid.limit !== grid.best?.limit;
    return {
      ...entry,
      scores: { ...entry.scores, ...Object.fromEntries(scores.filter((one) => !isOther(one))) },
      again: Object.fromEntries(scores.filter(isOther)),
    };
  });
}

function chosenMeasure(entries: readonly AskedEntry[], { by, tasks, method }: Grid): Measure {
  const name = by ?? tasks[0] ?? 'distance';
  const measure = measuresOf(entries).find((one) => one.name === name);
  if (measure) return measure;
  throw new MoepressError('INPUT_INVALID', {
    message: `${method} does not tell how far its results are from the model, so there is nothing to rank by.`,
    where: 'tasks',
    hint: 'Give the grid a task.',
  });
}

/** Writes a figure for each measure of all entries, and prints the best. */
async function show(
  grid: Grid,
  entries: readonly AskedEntry[],
  name: string,
  out: string,
  { print }: Context,
): Promise<void> {
  const measures = measuresOf(entries);
  const by = measures.find((measure) => measure.name === name)!;
  const options = factorsOf(grid);
  const figures: string[] = [];
  for (const measure of measures) {
    if (!entries.every((entry) => measure.of(entry) !== null)) continue;
    const file = join(out, `spread-${measure.name}.svg`);
    await writeWhole(file, await renderSpread(factors(entries, options, measure), measure, grid.title));
    figures.push(file);
  }
  const summary = {
    title: grid.title,
    entries,
    measures,
    by,
    options,
    factors: factors(entries, options, by),
  };
  const files = figures.map((file) => `Figure: ${file}`);
  print([sweepText(summary), '', ...files].join('\n'), {
    out,
    by: by.name,
    factors: summary.factors,
    entries: ranked(entries, by),
    figures,
  });
}
