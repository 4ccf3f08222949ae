import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModel, takeLock } from '@moepress/checkpoint';
import type { Model, MoepressError, ProgressEvent } from '@moepress/core';
import { gatedOutputNorms } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { recordOf } from '../calibration/set.js';
import { Engine } from '../engine/engine.js';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { requestFor } from '../testing/training.js';
import { train } from '../training/train.js';
import { clearRuns, unfinishedRuns } from '../training/unfinished.js';
import { EvidenceStore } from './store.js';

let engine: Engine;
let model: Model;
let sequences: readonly number[][];
beforeAll(async () => {
  engine = new Engine();
  const golden = await fixtures[2]!.load();
  model = await openModel(golden.model);
  sequences = golden.sequences;
});
afterAll(() => engine.dispose());

/** Puts a file where a folder was: nothing can be written there any more. */
function obstruct(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  writeFileSync(folder, '');
}

const measure = async (store?: EvidenceStore, onAdvance: () => void = () => {}) => {
  const progress = ({ type }: ProgressEvent) => type === 'advance' && onAdvance();
  const set = { source: 'golden', seed: 0, sequences };
  const { layers } = await calibrate(engine, { model, set, statistics: [gatedOutputNorms], store, progress });
  return layers.map((layer) => layer.read(gatedOutputNorms, 'sum'));
};

describe('a cache that takes nothing more', () => {
  it.each(['before', 'while'])('is given up %s statistics are measured, which goes on', (when) =>
    inTemporaryFolder(async (folder) => {
      const root = join(folder, 'store');
      const told: MoepressError[] = [];
      const store = new EvidenceStore(root, { giveUp: (error) => told.push(error) });
      if (when === 'before') obstruct(root);
      const measured = await measure(store, () => obstruct(root));
      expect(told.map(({ code }) => code)).toEqual(['WRITE_FAILED']);
      expect(measured).toEqual(await measure());
    }),
  );

  it('ends the work where the user chose it', () =>
    inTemporaryFolder(async (folder) => {
      const root = join(folder, 'store');
      const failed = measure(new EvidenceStore(root), () => obstruct(root));
      await expect(failed).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    }));

  it.each(['before', 'while'])('is given up %s a model is trained, which goes on', (when) =>
    inTemporaryFolder(async (folder) => {
      const [own, runs] = [join(folder, 'tmp'), join(folder, 'runs')];
      mkdirSync(own);
      const before = process.env.TMPDIR;
      process.env.TMPDIR = own;
      try {
        const few = sequences.slice(0, 2).map((ids) => ({ ids: ids.slice(0, 12), from: 1 }));
        const change = { sequences: few, validation: few.slice(1), steps: 3, evaluateEvery: 1 };
        const request = requestFor(model, change);
        const reference = await train({ threads: 1 }, request, { folder: join(folder, 'reference') });
        const told: MoepressError[] = [];
        if (when === 'before') obstruct(runs);
        const progress = ({ type }: ProgressEvent) => type === 'advance' && obstruct(runs);
        const options = { folder: runs, saveEvery: 0, giveUp: (error: MoepressError) => told.push(error) };
        const trained = await train({ threads: 1 }, { ...request, progress }, options);
        expect(told.map(({ code }) => code)).toEqual(['WRITE_FAILED']);
        expect(trained.curve).toEqual(reference.curve);
        expect(trained.step).toBe(reference.step);
      } finally {
        if (before === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = before;
      }
    }),
  );
});

describe('what a killed run left', () => {
  it('goes with the next run if all had been measured, just before it could be removed', () =>
    inTemporaryFolder(async (folder) => {
      const store = new EvidenceStore(folder);
      await measure(store);
      const evidence = await store.forModel(model, recordOf({ source: 'golden', seed: 0, sequences }));
      const scratch = await evidence.withScratch(async (path) => path!);
      mkdirSync(join(scratch, 'forward'), { recursive: true });
      writeFileSync(join(scratch, 'forward', 'hidden.0.0.f32'), 'x'.repeat(1000));
      expect(await store.scratch()).toEqual([{ folder: scratch, bytes: 1000, isUsed: false }]);
      await measure(store);
      expect(existsSync(scratch)).toBe(false);
    }));

  it('is listed and cleared, unless a run uses it', () =>
    inTemporaryFolder(async (folder) => {
      const store = new EvidenceStore(folder);
      for (const name of ['scratch-0123456789abcdef', 'training-0123456789abcdef', 'scratch-mine']) {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, 'state'), 'x');
        // Of an older moepress, with the number of a process that lives.
        writeFileSync(join(folder, name, 'lock'), `host\n${process.pid}\n`);
      }
      const lock = await takeLock(join(folder, 'scratch-0123456789abcdef', 'lock'));
      expect((await store.scratch()).map(({ isUsed }) => isUsed)).toEqual([true]);
      expect((await unfinishedRuns(folder)).map(({ isUsed }) => isUsed)).toEqual([false]);
      expect(await store.clearScratch()).toEqual([]);
      expect(await clearRuns(folder)).toHaveLength(1);
      if (typeof lock !== 'string') await lock.release();
      expect(await store.clearScratch()).toHaveLength(1);
      expect(readdirSync(folder)).toEqual(['scratch-mine']);
    }));
});
