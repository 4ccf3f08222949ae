import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRng, type ProgressEvent, type Statistic } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { compress } from '../compress.js';
import { openModel } from '../models/open-model.js';
import { estimateOf } from './estimate.js';
import { estimateWrite } from './estimate-apply.js';
import { estimateCompress } from './estimate-compress.js';
import { blockFlops } from './flops.js';
import { foresee } from './foresee.js';
import { isLarge, isLong } from './is-long.js';
import { laneSequences, lanes, speedOf } from './probe.js';

describe('what follows from trials', () => {
  /** A machine on which a run of a block takes a second and each token a tenth, and twice that around the blocks. */
  const times = (blocks: number) => {
    const at = (tokens: number) => (blocks + 2) * (1 + 0.1 * tokens);
    return { cold: at(10) + 5 + 3 * blocks, few: at(10), many: at(100) };
  };
  const trials = {
    ...{ one: times(1), two: times(2), ratio: 1, sizes: { few: 10, many: 100 } },
    ...{ blocks: 16, run: 200, hasTwo: true },
  };

  it('counts runs and tokens in all blocks, and what is around them once', () => {
    const { seconds, start } = speedOf(trials);
    expect(start).toBeCloseTo(5 + 16 * 3);
    expect(seconds(lanes * 100)).toBeCloseTo((16 + 2) * (1 + 10));
    // Three runs in each lane.
    expect(seconds(lanes * 600)).toBeCloseTo((16 + 2) * (3 + 60));
  });

  it('never comes out below nothing, however noisy the trials were', () => {
    const noise = createRng(7);
    const random = () => ({ cold: noise.next(), few: noise.next(), many: noise.next() });
    for (let i = 0; i < 100; i++) {
      const { seconds, start } = speedOf({ ...trials, one: random(), two: random() });
      expect(start).toBeGreaterThanOrEqual(0);
      expect(seconds(5000)).toBeGreaterThanOrEqual(0);
      expect(seconds(5000)).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });
});

it('tries texts of the lengths of the job, with as many tokens in each lane', () => {
  const sequences = laneSequences([1, 2, 3], 10, { tokens: 1000, length: 4, run: 2048 });
  expect(sequences.flat()).toHaveLength(lanes * 10);
  expect(Math.max(...sequences.map(({ length }) => length))).toBe(4);
});

it('counts two operations for each weight that a token meets', async () => {
  const model = await openModel('tiny');
  const [block] = model.blocks;
  const { topK, hiddenSize } = model.config;
  const expert = 2 * 3 * hiddenSize * 64;
  const chosen = blockFlops(model, block!, 0);
  expect(blockFlops(model, block!, 0, 'all') - chosen).toBeCloseTo((16 - topK) * expert);
  expect(blockFlops(model, block!, 100)).toBeGreaterThan(chosen);
});

it('takes measurements for long by what they multiply', async () => {
  const model = await openModel('tiny');
  const forward = { pass: 'forward' } as Statistic;
  const set = (count: number) => ({
    source: 'x',
    seed: 0,
    sequences: Array.from({ length: count }, () => Array(1000).fill(1)),
  });
  // 1.8 million parameters of a token's path, and attention over a thousand tokens: some 6 million operations a token.
  expect(isLong(model, set(100), [forward])).toBe(false);
  expect(isLong(model, set(100_000), [forward])).toBe(true);
  expect(isLong(model, set(100_000), [])).toBe(false);
  expect(isLarge(model)).toBe(false);
});

it('sums what is known, and the start', () => {
  const phase = (seconds: number | null) => ({ title: 'x', tasks: [], seconds });
  expect(estimateOf([phase(1), phase(null), phase(2)], { memory: 5 })).toMatchObject({
    ...{ seconds: 4, memory: 5, written: 0, notes: [] },
  });
});

it('ends work at its prediction, and passes on what goes wrong before', async () => {
  const seen: string[] = [];
  const foreseen = await foresee(async (progress) => {
    progress({ type: 'start', task: 'x', total: 12, unit: 'tokens' });
    progress({ type: 'memory', predicted: 7 });
    seen.push('computed');
  });
  expect([foreseen, seen]).toEqual([{ memory: 7, total: 12 }, []]);
  await expect(foresee(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
});

it('leaves nothing where it tries to write', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-estimate-'));
  try {
    const model = await openModel('tiny');
    const choice = { method: 'random', ratio: 0.5 };
    const events: ProgressEvent[] = [];
    const plan = await compress(model, choice);
    const out = join(folder, 'deep', 'out');
    const onProgress = (event: ProgressEvent) => events.push(event);
    const compressing = await estimateCompress(model, {
      ...choice,
      writing: { folder: out, layout: 'compact' },
      onProgress,
    });
    const writing = await estimateWrite(model, { plan, folder: out });
    expect(compressing.written).toBe(writing.written);
    expect(compressing.phases.map(({ title }) => title)).toEqual(['Starting', 'Deciding', 'Writing']);
    for (const { seconds, memory } of [compressing, writing]) {
      expect(seconds).toBeGreaterThan(0);
      expect(memory).toBeGreaterThan(2 ** 20);
    }
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(out)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
