import { describe, expect, it } from 'vitest';
import { type Demand, garbage, planJob } from './job.js';

const sizes = [2048, 1024, 512];
const bounds = { where: 'a job', before: 100, workers: 2, fewestWorkers: 1, sizes };
/** A run takes as many bytes as it has tokens. */
const demandOf = (size: number): Demand => ({ worker: size, held: 50, carried: 1000, spilled: 20 });

describe('planJob', () => {
  it('changes nothing about what fits', () => {
    const plan = planJob({ ...bounds, memory: 10_000 }, demandOf);
    const fixed = 100 + 50 + 2 * 2048;
    expect(plan).toEqual({
      workers: 2,
      size: 2048,
      ...{ carried: (10_000 - fixed) / garbage, fixed, predicted: fixed + 1000 * garbage },
    });
  });

  it.each([
    ['puts what is carried into files', 4400, { workers: 2, size: 2048, predicted: 4246 + 40 * garbage }],
    ['makes runs smaller', 4285, { workers: 2, size: 1024, predicted: 2198 + 1000 * garbage }],
    ['makes them as small as they may be', 1300, { workers: 2, size: 512, predicted: 1174 + 40 * garbage }],
    [
      'takes fewer workers, in runs as large as fit',
      1213,
      { workers: 1, size: 1024, predicted: 1174 + 20 * garbage },
    ],
    ['goes to the limit', 684, { workers: 1, size: 512, predicted: 662 + 20 * garbage }],
  ])('%s', (_, memory, expected) => {
    expect(planJob({ ...bounds, memory }, demandOf)).toMatchObject(expected);
  });

  it('refuses what does not fit, and tells what it takes at least', () => {
    expect(() => planJob({ ...bounds, memory: 683 }, demandOf)).toThrow(
      expect.objectContaining({
        code: 'MEMORY_EXCEEDED',
        where: 'a job',
        message: expect.stringContaining('0.00 GB'),
      }),
    );
    const large = (size: number): Demand => ({ ...demandOf(size), worker: size * 1e6 });
    expect(() => planJob({ ...bounds, memory: 1e8 }, large)).toThrow(
      /0\.51 GB of memory at least, and 0\.10 GB/,
    );
  });

  it('keeps the workers of a job that it comes within', () => {
    const nested = { ...bounds, fewestWorkers: 2 };
    expect(() => planJob({ ...nested, memory: 1213 }, demandOf)).toThrow(/at least/);
  });

  it('asks for no size that it does not need', () => {
    const asked: number[] = [];
    planJob({ ...bounds, memory: 10_000 }, (size) => {
      asked.push(size);
      return demandOf(size);
    });
    expect(asked).toEqual([2048]);
  });
});
