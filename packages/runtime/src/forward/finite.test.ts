import { cpSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { moeBlocks, type StoredTensor } from '@moepress/core';
import { expertHits } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { ModelRunner } from '../runner.js';
import { fixtures } from '../testing/golden.js';

describe('weights that are not finite', () => {
  it.each(['streamed', 'resident'] as const)('%s: are found and named with their file', async (residency) => {
    const golden = await fixtures[0]!.load();
    const folder = mkdtempSync(join(tmpdir(), 'moepress-nan-'));
    const engine = new Engine({ threads: 1 });
    try {
      cpSync(golden.model, folder, { recursive: true });
      const model = await openModel(folder);
      const damaged = moeBlocks(model)[1]!.ffn.pool[3]!.up as StoredTensor;
      writeSync(openSync(damaged.file, 'r+'), Buffer.from([0xc0, 0x7f]), 0, 2, damaged.offset + 10);

      const expected = {
        code: 'WEIGHTS_NOT_FINITE',
        message: expect.stringContaining('model.layers.1.mlp.experts.3.up_proj.weight'),
        where: damaged.file,
      };
      const set = { source: 'golden', seed: 0, sequences: golden.sequences };
      await expect(calibrate(engine, { model, set, statistics: [expertHits] })).rejects.toMatchObject(
        expected,
      );
      const runner = await ModelRunner.open(model, { residency });
      const items = golden.sequences.map((ids) => ({ ids, from: 1 }));
      await expect(runner.score(items)).rejects.toMatchObject(expected);
      await expect(
        runner.generate(golden.sequences, { maxNewTokens: 2, eosTokenIds: [] }),
      ).rejects.toMatchObject(expected);
      await runner.dispose();
    } finally {
      await engine.dispose();
      rmSync(folder, { recursive: true });
    }
  });

  it.each(['streamed', 'resident'] as const)('%s: are found in the head too', async (residency) => {
    const golden = await fixtures[0]!.load();
    const folder = mkdtempSync(join(tmpdir(), 'moepress-nan-'));
    try {
      cpSync(golden.model, folder, { recursive: true });
      const model = await openModel(folder);
      const norm = model.finalNorm as StoredTensor;
      writeSync(openSync(norm.file, 'r+'), Buffer.from([0xc0, 0x7f]), 0, 2, norm.offset);
      const expected = { code: 'WEIGHTS_NOT_FINITE', message: expect.stringContaining('model.norm.weight') };
      const runner = await ModelRunner.open(model, { residency });
      const items = golden.sequences.map((ids) => ({ ids, from: 1 }));
      const options = { maxNewTokens: 2, eosTokenIds: [] };
      await expect(runner.score(items)).rejects.toMatchObject(expected);
      await expect(runner.trace(golden.sequences)).rejects.toMatchObject(expected);
      await expect(runner.generate(golden.sequences, options)).rejects.toMatchObject(expected);
      await runner.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
