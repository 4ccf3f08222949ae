import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../testing/temporary.js';
import { appendPoint, bestStep, readCurve, writeCurve } from './curve.js';

const point = (step: number, validation?: number) => ({
  step,
  tokens: 10 * step,
  loss: 1 / step,
  learningRate: 1e-3,
  gradientNorm: 1,
  ...(validation !== undefined && { validation }),
});

describe('a loss curve', () => {
  it('is read back as far as it is wanted, whatever a killed run left behind it', () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, 'curve.ndjson');
      for (const step of [1, 2, 3]) await appendPoint(path, point(step, step === 2 ? 0.5 : undefined));
      await appendFile(path, '{"step":4,"tok');
      expect(await readCurve(path, 3)).toEqual([point(1), point(2, 0.5), point(3)]);
      expect(await readCurve(path, 2)).toEqual([point(1), point(2, 0.5)]);
      expect(await readCurve(path, 4)).toBeNull();
      await writeCurve(path, [point(1)]);
      expect(await readFile(path, 'utf8')).toBe(`${JSON.stringify(point(1))}\n`);
    }));

  it('is none if steps are missing or it is something else', () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, 'curve.ndjson');
      expect(await readCurve(path, 1)).toBeNull();
      await writeCurve(path, [point(1), point(3)]);
      expect(await readCurve(path, 2)).toBeNull();
      await writeFile(path, '{"step":1}\n');
      expect(await readCurve(path, 1)).toBeNull();
    }));

  it('has its best step where the validation loss is lowest, the first of equals', () => {
    expect(bestStep([])).toBeNull();
    expect(bestStep([point(1), point(2)])).toBeNull();
    expect(bestStep([point(1, 3), point(2), point(3, 1), point(4, 1), point(5, 2)])).toBe(3);
  });
});
