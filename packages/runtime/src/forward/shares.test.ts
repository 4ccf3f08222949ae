import { expect, it } from 'vitest';
import type { EngineWorker } from '../engine/worker.js';
import type { Run } from '../tokens/runs.js';
import { layOut } from '../tokens/token-layout.js';
import { sharesOf } from './shares.js';

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
