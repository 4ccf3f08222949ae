import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

interface Point {
  readonly loss: number;
  readonly validation?: number;
}

/** Makes a plan for tiny and distils; the loss curve. */
async function distilled(
  folder: string,
  method: readonly string[],
  options: readonly string[],
): Promise<Point[]> {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await moepress([...args, '--json'], { cwd: folder });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  const plan = join(folder, 'plan.json');
  const calibration = ['--calibration', 'tiny:64'];
  await run('compress', 'tiny', ...method, ...calibration, '--plan-only', '--out', plan);
  const data = ['--train', 'tiny:48', '--validate', 'tiny:8', '--runs', join(folder, 'runs')];
  const given = options.flatMap((option) => ['--option', option]);
  const { curves } = await run(
    ...['refine', 'tiny', '--plan', plan, '--refiner', 'distil', '--out', join(folder, 'out')],
    ...data,
    ...given,
  );
  return curves.distil;
}

describe('distil', () => {
  it('finds nothing to learn in a copy of the teacher', () =>
    inTemporaryFolder(async (folder) => {
      const [first] = await distilled(folder, ['--method', 'conmoe', '--ratio', '0'], ['steps=1', 'batch=2']);
      expect(Math.abs(first!.loss)).toBeLessThan(1e-6);
    }));

  it('brings a dense student nearer to its teacher', () =>
    inTemporaryFolder(async (folder) => {
      const options = [
        'steps=12',
        'batch=4',
        'learningRate=0.003',
        'evaluateEvery=4',
        'freeze=["embeddings"]',
      ];
      const curve = await distilled(folder, ['--method', 'moe-to-dense'], options);
      expect(curve).toHaveLength(12);
      const measured = curve.flatMap(({ validation }) => validation ?? []);
      expect(measured.length).toBeGreaterThanOrEqual(3);
      expect(measured.at(-1)!).toBeLessThan(0.8 * curve[0]!.loss);
    }));
});
