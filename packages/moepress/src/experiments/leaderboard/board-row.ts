import { average, averageError, type Metric, standardError } from '../metric.js';
import type { Cell } from './cell.js';

/** A score and how uncertain it is. */
export interface Score {
  readonly value: number;
  /**
   * Of one seed the standard error over the documents; of several the standard deviation among them. Null where neither is
   * known.
   */
  readonly error: number | null;
}

/** The files of one of the cells that a row stands for. */
export interface RowFiles extends Pick<Cell, 'seed' | 'plan' | 'results' | 'samples'> {}

/** A row of the board: a model, compressed in one way, by one seed or as the mean over several. */
export interface BoardRow
  extends Pick<
    Cell,
    | 'model'
    | 'revision'
    | 'method'
    | 'ratio'
    | 'calibration'
    | 'removed'
    | 'parameters'
    | 'bytes'
    | 'throughput'
    | 'movement'
  > {
  /** Seeds that decided differently, whose results are averaged; one or none otherwise. */
  readonly seeds: readonly number[];
  /** In the order of the metrics; null where the task was not scored. */
  readonly scores: readonly (Score | null)[];
  /** Over the tasks that count in it; null where one is missing. */
  readonly average: Score | null;
  readonly files: readonly RowFiles[];
}

/**
 * The rows of finished cells, in their order. Seeds of one model, method, ratio and calibration set make one row: those
 * that decided the same count once, and the others are averaged.
 */
export function boardRows(
  cells: readonly Cell[],
  metrics: readonly Metric[],
): { readonly row: BoardRow; readonly cells: readonly Cell[] }[] {
  const groups = new Map<string, Map<string, Cell>>();
  for (const cell of cells) {
    // Cells of earlier versions do not say what they share: each is a row.
    const key = cell.row ?? cell.variant;
    const group = groups.get(key) ?? new Map<string, Cell>();
    const decision = cell.decision ?? cell.variant;
    if (!group.has(decision)) group.set(decision, cell);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => {
    const own = [...group.values()];
    return { row: rowOfCells(own, metrics), cells: own };
  });
}

function rowOfCells(cells: readonly Cell[], metrics: readonly Metric[]): BoardRow {
  const [first] = cells as [Cell, ...Cell[]];
  const { model, revision, method, ratio, calibration } = first;
  const meanOf = (value: (cell: Cell) => number) => mean(cells.map(value));
  return {
    ...{ model, revision, method, ratio, calibration },
    seeds: cells.flatMap(({ seed }) => seed ?? []),
    removed: {
      routed: meanOf(({ removed }) => removed.routed),
      whole: meanOf(({ removed }) => removed.whole),
    },
    parameters: meanOf(({ parameters }) => parameters),
    bytes: meanOf(({ bytes }) => bytes),
    throughput: speedOf(cells),
    movement: movementOf(cells),
    scores: metrics.map((metric) =>
      scoreOf(
        cells.map(({ scores }) => scores[metric.task]?.[metric.key] ?? null),
        () => standardError(first, metric),
      ),
    ),
    average: scoreOf(
      cells.map((cell) => average(cell, metrics)),
      () => averageError(first, metrics),
    ),
    files: cells.map(({ seed, plan, results, samples }) => ({ seed, plan, results, samples })),
  };
}

/** The mean of all cells, null where one is missing; `single` is the error where there is one cell. */
function scoreOf(values: readonly (number | null)[], single: () => number | null): Score | null {
  const known = values.filter((value) => value !== null);
  if (known.length < values.length) return null;
  return { value: mean(known), error: known.length > 1 ? deviation(known) : single() };
}

/** Speeds of several machines are not averaged: those of the first are. */
function speedOf(cells: readonly Cell[]): BoardRow['throughput'] {
  const timed = cells.flatMap(({ throughput }) => throughput ?? []);
  const [first] = timed;
  const alike = timed.filter(({ machine }) => machine === first?.machine);
  if (first === undefined || alike.length < 2) return first ?? null;
  const speeds = alike.map(({ tokensPerSecond }) => tokensPerSecond);
  return { machine: first.machine, tokensPerSecond: mean(speeds), error: deviation(speeds) };
}

function movementOf(cells: readonly Cell[]): BoardRow['movement'] {
  const moved = cells.flatMap(({ movement }) => movement ?? []);
  const [first] = moved;
  if (first === undefined || moved.length < cells.length) return null;
  const names = Object.keys(first) as (keyof typeof first)[];
  const shared = names.filter((name) => moved.every((one) => one[name] !== undefined));
  const means = shared.map((name) => [name, mean(moved.map((one) => one[name]!))] as const);
  return { ...first, ...Object.fromEntries(means) };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample: the squares are divided by one less than their number. */
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
