import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { WorkFolder } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { modelIdentity } from '@moepress/runtime';
import { shareDevice } from '../../devices/shared-device.js';
import type { Questions } from '../../evaluate.js';
import { renderSpread } from '../../figures/spread-figure.js';
import { writeWhole } from '../../files/output.js';
import { folderKinds } from '../../files/output-kinds.js';
import type { LocatedYaml } from '../../files/yaml-file.js';
import { type FindOptions, findMethod } from '../../methods/find-methods.js';
import { useBudget } from '../../methods/use-plugins.js';
import { calibrationSet, type DataOptions } from '../../models/model-data.js';
import { openBase } from '../../models/open-model.js';
import { type CacheOption, type ComputeOptions, type WorkOptions, workOf } from '../../options.js';
import { Calibration } from '../../statistics/calibration.js';
import { type Configuration, configurationsOf } from './configuration.js';
import { combinations, factorsOf, type Grid, type GridInput, readGrid } from './grid.js';
import { runConfigurations, type Shared } from './run-configurations.js';
import { type Factor, factors } from './spread.js';
import type { AskedEntry, Entry } from './sweep-entry.js';
import { type Measure, measuresOf, ranked } from './sweep-measure.js';
import { Results } from './sweep-results.js';

export interface SweepOptions
  extends Omit<ComputeOptions, 'threads'>,
    Pick<DataOptions, 'data'>,
    FindOptions,
    WorkOptions {
  /** Folder of the results, new, empty or that of an earlier run, of which finished work is not repeated. */
  readonly out: string;
  /** Configurations tried at once; by default one a core, or one where a device computes. */
  readonly workers?: number | undefined;
  readonly cache?: CacheOption | undefined;
}

/** The result of a sweep. */
export interface SweepTable {
  readonly title: string;
  /** Entries in the order of the grid; `ranked` puts the best first. */
  readonly entries: readonly AskedEntry[];
  /** The measures that are known of the entries. */
  readonly measures: readonly Measure[];
  /** The measure used for ranking. */
  readonly by: Measure;
  /** The options that were varied. */
  readonly options: readonly string[];
  /** The same by how much the measure that is ranked by depends on them. */
  readonly factors: readonly Factor[];
  /** Paths of the figures, one for each measure that all entries have. */
  readonly figures: readonly string[];
  readonly out: string;
}

/**
 * Tries every combination of a method's options that is in a grid, a YAML file or its data, and not in the folder yet.
 * Throws `INPUT_INVALID` and `OPTIONS_INVALID` naming the line of the grid, `OUTPUT_EXISTS` for a folder of other
 * files, `OUTPUT_BUSY`, `CHECKPOINT_CHANGED`, and what `compress` and `evaluate` throw.
 */
export async function runSweep(grid: string | GridInput, options: SweepOptions): Promise<SweepTable> {
  const out = resolve(options.out);
  const located = await readGrid(grid, options);
  const folder = await WorkFolder.open(out, { ...workOf(options), isOwn: folderKinds.sweep });
  try {
    const entries = await entriesOf(located, { ...options, out });
    return await tableOf(located.data, entries, out);
  } finally {
    await folder.release();
  }
}

async function entriesOf(located: LocatedYaml<Grid>, options: SweepOptions): Promise<AskedEntry[]> {
  const { data: grid } = located;
  const work = workOf(options);
  const method = await findMethod(grid.method, options);
  for (const { budget } of combinations(grid)) await useBudget(budget, options);
  const base = await openBase(grid.model, {
    ...work,
    plugins: options.plugins,
    revision: grid.revision ?? undefined,
  });
  const { calibration: given, seed } = grid;
  const set = await calibrationSet(base, { ...options, calibration: given, seed }, work);
  const identity = await modelIdentity(base, work);
  const configurations = await configurationsOf(located, { base, identity: identity.hash, method, set });
  const threads = availableParallelism();
  const workers = options.workers ?? ((options.device ?? 'cpu') === 'cpu' ? threads : 1);
  const calibration = new Calibration(async () => set, { cache: options.cache });
  calibration.need(configurations.flatMap(({ needs }) => needs));
  const shared: Shared = {
    base,
    method,
    calibration,
    device: await shareDevice(options, { users: workers, threads }, work),
    results: await Results.open(options.out),
    checkUnchanged: identity.checkUnchanged,
    workers,
  };
  const ask = (of: readonly Configuration[], { tasks, limit }: Pick<Questions, 'tasks' | 'limit'>) =>
    runConfigurations(of, { tasks, limit, numFewshot: grid.num_fewshot, data: options.data }, shared, work);
  const entries = (await ask(configurations, grid)).map((entry): AskedEntry => ({ ...entry, again: {} }));
  const isBest = bestOf(entries, chosenMeasure(entries, grid), grid);
  const further = grid.best ? await ask(configurations.filter(isBest), grid.best) : [];
  return joined(entries, further, grid);
}

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

/** Writes a figure for each measure of all entries. */
async function tableOf(grid: Grid, entries: readonly AskedEntry[], out: string): Promise<SweepTable> {
  const { title } = grid;
  const measures = measuresOf(entries);
  const by = chosenMeasure(entries, grid);
  const options = factorsOf(grid);
  const figures: string[] = [];
  for (const measure of measures) {
    if (!entries.every((entry) => measure.of(entry) !== null)) continue;
    const file = join(out, `spread-${measure.name}.svg`);
    await writeWhole(file, await renderSpread(factors(entries, options, measure), measure, title));
    figures.push(file);
  }
  return { title, entries, measures, by, options, factors: factors(entries, options, by), figures, out };
}
