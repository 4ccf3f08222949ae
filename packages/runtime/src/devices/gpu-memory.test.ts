import { describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { batchSequences } from '../tokens/batch-sequences.js';
import { defaultLimits } from './batch-limits.js';
import { defaultGpuMemory, limitsWithin, mostScores } from './gpu-memory.js';

describe('limitsWithin', () => {
  it('makes batches as large as on the processor in the memory a device is taken to have', () => {
    expect(limitsWithin(defaultGpuMemory)).toEqual({ ...defaultLimits, scores: mostScores });
  });

  it('makes them smaller in less, and never empty', () => {
    const sequences = Array.from({ length: 8 }, () => Array.from({ length: 64 }, (_, i) => i));
    const sizes = [2 ** 31, 2 ** 28, 2 ** 20].map((bytes) => {
      const batches = batchSequences(sequences, { ...limitsWithin(bytes), heads: 16 });
      expect(batches.flatMap((batch) => batch.sequences)).toHaveLength(8);
      return Math.max(...batches.map(({ ids }) => ids.length));
    });
    expect(sizes).toEqual([512, 128, 64]);
  });

  it('binds an engine on a device, and not one on the processor', async () => {
    const [gpu, cpu] = [
      new Engine({ device: 'webgpu', gpuMemory: 2 ** 28 }),
      new Engine({ gpuMemory: 2 ** 28 }),
    ];
    expect(gpu.limits).toEqual(limitsWithin(2 ** 28));
    expect(cpu.limits).toEqual(defaultLimits);
    await Promise.all([gpu.dispose(), cpu.dispose()]);
  });
});
