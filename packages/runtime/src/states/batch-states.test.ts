import { mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import type { Model, Statistic } from '@moepress/core';
import { gatedOutputNorms, outputGram, weightFisher } from '@moepress/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CalibrateOptions, calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { EvidenceStore } from '../evidence/store.js';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';

let model: Model;
let sequences: readonly number[][];
beforeAll(async () => {
  const golden = await fixtures[0]!.load();
  model = await openModel(golden.model);
  sequences = Array.from({ length: 150 }, (_, i) => golden.sequences[i % 3]!);
});

const statistics: readonly [Statistic, string][] = [
  [gatedOutputNorms, 'sum'],
  [outputGram, 'gram'],
  [weightFisher, 'sum'],
];

/** All passes, with as many threads as workers: the order within a product depends on its threads. */
async function measure(workers: number, options: CalibrateOptions = {}): Promise<Float64Array[]> {
  const engine = new Engine({ workers, threads: workers });
  try {
    const set = { source: 'x', seed: 0, sequences };
    const wanted = statistics.map(([statistic]) => statistic);
    const { layers } = await calibrate(engine, { model, set, statistics: wanted, ...options });
    return layers.flatMap((layer) => statistics.map(([statistic, output]) => layer.read(statistic, output)));
  } finally {
    await engine.dispose();
  }
}

describe('tensors between blocks', () => {
  it('give the same bits in memory, spilled, and in both, with one worker and with two', () =>
    inTemporaryFolder(async (root) => {
      const reference = await measure(1);
      expect(await measure(1, { carried: 0 })).toEqual(reference);
      expect(await measure(2, { carried: 0 })).toEqual(reference);
      expect(await measure(2, { store: new EvidenceStore(join(root, 'a')) })).toEqual(reference);
      expect(await measure(1, { store: new EvidenceStore(join(root, 'b')), carried: 0 })).toEqual(reference);
    }));

  it('leave nothing in the temporary folder, neither when all goes well nor when it fails', () =>
    inTemporaryFolder(async (folder) => {
      const own = join(folder, 'tmp');
      mkdirSync(own);
      const before = process.env.TMPDIR;
      process.env.TMPDIR = own;
      try {
        expect(tmpdir()).toBe(own);
        let most = 0;
        const progress = () => {
          most = Math.max(most, readdirSync(own).length);
        };
        await measure(2, { carried: 0, progress });
        expect([most, readdirSync(own)]).toEqual([1, []]);
        const controller = new AbortController();
        const stopped = measure(2, {
          carried: 0,
          signal: controller.signal,
          progress: ({ type }) => type === 'advance' && controller.abort(),
        });
        await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
        expect(readdirSync(own)).toEqual([]);
      } finally {
        if (before === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = before;
      }
    }));
});
