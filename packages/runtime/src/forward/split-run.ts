import { type Block, isRecurrent, type Model } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { InWorker, WorkerCommands } from '../engine/handles.js';
import type { EngineWorker } from '../engine/worker.js';
import type { Run } from '../tokens/runs.js';
import { mostQueries } from '../tokens/tiles.js';

/** One run that several workers compute together, because some of them would have nothing to do. */
export interface SplitRun<T> {
  readonly of: T;
  /** The rows of each worker that has any, ascending, its own worker's first. */
  readonly rows: ReadonlyMap<WorkerCommands, Int32Array>;
}

/** Rows that go to one worker or the other: as many as attention takes at once, fewer where a run is short. */
const shortestTile = 8;
const fewestTiles = 16;

/** Multiplications that a token needs in a block, without those of attention between tokens. */
function productsOf({ attention, ffn }: Block, { config: { hiddenSize } }: Model): number {
  const mixing = attention.kind === 'none' ? 0 : 4 * hiddenSize * hiddenSize;
  if (ffn.kind === 'none') return mixing;
  const width = ffn.kind === 'moe' ? ffn.router.topK * (ffn.pool[0]?.width ?? 0) : ffn.mlp.width;
  return mixing + 3 * hiddenSize * width;
}

/**
 * The last run of the worker that has most rows, where others have so many fewer that they can take some of it: all end at
 * about the same time then. Each worker computes the keys and values of all of the run's rows, and the rest for its own.
 * Neighbouring rows go to different workers, since later ones see more. Null: nothing is to be gained, or what comes
 * before the run is known to its own worker alone.
 */
export function splitRun<T extends InWorker & { readonly run: Run }>(
  assigned: readonly T[],
  { workers, leastProducts }: Pick<Engine, 'leastProducts'> & { readonly workers: readonly WorkerCommands[] },
  model: Model,
): SplitRun<T> | null {
  if (workers.length < 2 || model.blocks.some(isRecurrent)) return null;
  const loads = new Map(workers.map((worker) => [worker, 0]));
  for (const { worker, run } of assigned) {
    loads.set(worker, loads.get(worker)! + run.layout.ids.length);
  }
  const busiest = workers.reduce((most, worker) => (loads.get(worker)! > loads.get(most)! ? worker : most));
  const own = assigned.filter(({ worker }) => worker === busiest);
  const last = own.at(-1);
  if (!last || last.run.keeps || last.run.prefix > 0) return null;
  const count = last.run.layout.ids.length;
  loads.set(busiest, loads.get(busiest)! - count);
  const tile = Math.min(mostQueries, Math.max(shortestTile, Math.ceil(count / fewestTiles)));
  const rows = dealt(count, tile, loads);
  const handed = count - (rows.get(busiest)?.length ?? 0);
  const largest = Math.max(...model.blocks.map((block) => productsOf(block, model)));
  if (handed === 0 || handed === count || handed * largest < leastProducts) return null;
  const others = [...rows].filter(([worker, { length }]) => worker !== busiest && length > 0);
  return {
    of: last,
    rows: new Map([
      [busiest, Int32Array.from(rows.get(busiest)!)],
      ...others.map(([worker, taken]) => [worker, Int32Array.from(taken)] as const),
    ]),
  };
}

/** Deals rows to workers, some neighbouring ones at a time to whoever has least, from the last ones, which see most, down. */
function dealt(
  count: number,
  tile: number,
  loads: Map<WorkerCommands, number>,
): Map<WorkerCommands, number[]> {
  const rows = new Map([...loads.keys()].map((worker) => [worker, [] as number[]]));
  for (let from = (Math.ceil(count / tile) - 1) * tile; from >= 0; from -= tile) {
    const [worker] = [...loads].reduce((least, next) => (next[1] < least[1] ? next : least));
    const taken = Array.from({ length: Math.min(tile, count - from) }, (_, i) => from + i);
    rows.get(worker)!.unshift(...taken);
    loads.set(worker, loads.get(worker)! + taken.length);
  }
  return rows;
}

/** The workers, by number, that take part in a run which is another one's, where runs go to workers by number. */
export function helpersOf<T extends { readonly run: Run; readonly lane: number }>(
  runs: readonly T[],
  engine: Pick<Engine, 'workers' | 'leastProducts' | 'traits'>,
  model: Model,
): T[] {
  if (engine.traits.attention !== 'tree') return [];
  const { workers } = engine;
  const assigned = runs.map((one) => ({ ...one, worker: workers[one.lane % workers.length]! }));
  const split = splitRun(assigned, engine, model);
  if (!split) return [];
  const others = [...split.rows.keys()].filter((worker) => worker !== split.of.worker);
  return others.map((worker) => ({ ...split.of, lane: workers.indexOf(worker as EngineWorker) }));
}
