import { join } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { gatedOutputNorms } from '@moepress/graph';
import { describe, expect, it, vi } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { Engine } from '../engine/engine.js';
import { EngineWorker } from '../engine/worker.js';
import { EvidenceStore } from '../evidence/store.js';
import { deepModel } from '../testing/deep.js';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { engineFailure } from './failure.js';

describe('engineFailure', () => {
  it.each([
    ['webgpu', 'WebGPU device lost (1): Device was destroyed.', 'was lost'],
    ['webgpu', 'vkQueueSubmit failed with VK_ERROR_DEVICE_LOST', 'was lost'],
    ['dml', 'Exception: 887A0005 DXGI_ERROR_DEVICE_REMOVED', 'was lost'],
    ['cuda', 'CUDA failure 700: an illegal memory access was encountered', 'was lost'],
    ['cuda', 'CUDA failure 2: out of memory', 'memory of cuda is full'],
    ['webgpu', 'Failed to allocate memory for requested buffer of size 12', 'memory of webgpu is full'],
  ] as const)('tells of %s: %s', (device, message, told) => {
    const error = engineFailure(device, message, 'block.3');
    expect(error).toMatchObject({ code: 'ENGINE_FAILED', where: 'block.3' });
    expect(error.message).toContain(told);
    expect(error.hint).toContain('un it again');
  });

  it('calls what is neither a fault of moepress, as all that fails on the processor', () => {
    const wrong = engineFailure('webgpu', 'Invalid input shape', 'block.3');
    const full = engineFailure('cpu', 'out of memory', 'block.3');
    for (const { hint } of [wrong, full]) expect(hint).toContain('fault of moepress');
  });
});

describe('a device that is lost in the middle of a calibration', () => {
  it('ends it with what to do, and the same command goes on where it was, with the same bits', () =>
    inTemporaryFolder(async (folder) => {
      const golden = await fixtures[0]!.load();
      const model = await deepModel(golden.model, 3);
      const set = { source: 'x', seed: 0, sequences: golden.sequences };
      const measure = async (store: string, progress?: (event: ProgressEvent) => void) => {
        const engine = new Engine({ workers: 1, threads: 1 });
        try {
          const options = { store: new EvidenceStore(join(folder, store)), progress };
          const { layers } = await calibrate(engine, {
            model,
            set,
            statistics: [gatedOutputNorms],
            ...options,
          });
          return layers.map((layer) => layer.read(gatedOutputNorms, 'sum'));
        } finally {
          await engine.dispose();
        }
      };
      const lost = engineFailure('webgpu', 'WebGPU device lost (1)', 'block.3');
      const run = EngineWorker.prototype.run;
      let runs = 0;
      const broken = vi.spyOn(EngineWorker.prototype, 'run').mockImplementation(function (
        this: EngineWorker,
        steps,
      ) {
        return ++runs > 4 ? Promise.reject(lost) : run.call(this, steps);
      });
      await expect(measure('a')).rejects.toBe(lost);
      broken.mockRestore();

      let resumed = 0;
      const sums = await measure('a', (event) => {
        if (event.type === 'advance' && event.note === 'resumed') resumed = event.done;
      });
      expect(resumed).toBeGreaterThan(0);
      expect(sums).toEqual(await measure('b'));
    }));
});
