import { toyModel } from '@moepress/core/testing';
import { expect, it } from 'vitest';
import type { EngineWorker } from '../engine/worker.js';
import type { Run } from '../tokens/runs.js';
import { layOut } from '../tokens/token-layout.js';
import { sharesOf } from './shares.js';
import { splitRun } from './split-run.js';

const [first, second] = [{}, {}] as [EngineWorker, EngineWorker];

const run = (worker: EngineWorker, ids: readonly number[], prefix: number, keeps = true) => ({
  worker,
  run: { layout: layOut([{ index: -1, ids }]), lane: 0, prefix, keeps } satisfies Run,
});

it('gives each worker a share of what both keep, and all rows to somebody', () => {
  const ids = [5, 6, 7, 8, 9];
  const runs = [run(first, ids, 0), run(second, ids, 0), run(first, [1, 2], 5, false)];
  const shares = sharesOf(runs);
  expect(runs.map((one) => [...(shares.get(one.run)?.rows ?? [])])).toEqual([[0, 1], [2, 3, 4], []]);
});

it('shares no run whose tokens come after others in the one worker than in the other', () => {
  const runs = [run(first, [1, 2], 0), run(first, [7, 7], 2), run(second, [1, 3], 0), run(second, [7, 7], 2)];
  expect(sharesOf(runs).size).toBe(0);
});

it('shares pieces that come after equal ones', () => {
  const runs = [run(first, [1, 2], 0), run(first, [7, 7], 2), run(second, [1, 2], 0), run(second, [7, 7], 2)];
  expect(sharesOf(runs).size).toBe(4);
});

const long = Array.from({ length: 40 }, (_, i) => i);
const split = (runs: ReturnType<typeof run>[], leastProducts = 0) => {
  const found = splitRun(runs, { workers: [first, second], leastProducts }, toyModel());
  return found && [runs.indexOf(found.of), ...[...found.rows.values()].map((rows) => [...rows])];
};

it('splits one run in tiles that lie between each other, and of several the last so that all workers end together', () => {
  const [own, other] = [split([run(first, long, 0, false)])!.slice(1), long] as [number[][], number[]];
  expect(own.map((rows) => rows.length)).toEqual([24, 16]);
  expect(own.flat().sort((a, b) => a - b)).toEqual(other);
  expect(Math.min(...own[1]!)).toBeLessThan(Math.max(...own[0]!));
  const runs = [run(first, long, 0, false), run(second, long, 0, false), run(first, long, 0, false)];
  expect(split(runs)).toMatchObject([2, { length: 24 }, { length: 16 }]);
});

it('splits no run that follows others, that is kept, that is too short, or where all have the same to do', () => {
  expect(split([run(first, long, 3, false)])).toBeNull();
  expect(split([run(first, long, 0)])).toBeNull();
  expect(split([run(first, long, 0, false)], 2 ** 40)).toBeNull();
  expect(split([run(first, long, 0, false), run(second, long, 0, false)])).toBeNull();
});
