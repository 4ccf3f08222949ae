import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { moeBlocks } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const calibration = ['--calibration', 'tiny:16'];
const training = ['--train', 'tiny:16x64+tiny_gsm[train]:32', '--option', 'learningRate=0.001'];

/** The plan that condenses two layers to their shared experts. */
async function condensed(folder: string): Promise<string> {
  const plan = join(folder, 'plan.json');
  const options = ['--option', 'condenseLayers=2', '--option', 'experts=0'];
  const made = await moepress([
    'compress',
    'tiny',
    '--method',
    'cd-moe',
    ...options,
    ...calibration,
    '--plan-only',
    '--out',
    plan,
  ]);
  expect(made).toMatchObject({ code: 0 });
  return plan;
}

async function perplexity(model: readonly string[]): Promise<number> {
  const { stdout, code } = await moepress([
    'eval',
    ...model,
    '--tasks',
    'tiny_heldout',
    '--limit',
    '40',
    '--json',
  ]);
  expect(code).toBe(0);
  return JSON.parse(stdout).results.tiny_heldout['token_perplexity,none'];
}

describe('moepress refine', () => {
  it('refuses before the first step what does not fit into memory, and leaves nothing behind', () =>
    inTemporaryFolder(async (folder) => {
      const plan = await condensed(folder);
      const [out, runs] = [join(folder, 'refined'), join(folder, 'runs')];
      const { code, stdout, stderr } = await moepress([
        ...['refine', 'tiny', '--plan', plan, '--refiner', 'cd-moe', ...training],
        ...['--out', out, '--runs', runs, '--memory', '50MB', '--json'],
      ]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('MEMORY_EXCEEDED');
      expect(stderr).not.toContain('"unit":"steps"');
      expect((await readdir(folder)).sort()).toEqual(['plan.json', 'runs']);
      expect(await readdir(runs)).toEqual([]);
    }));

  it('trains what a plan leaves; its plan brings along what was learned', () =>
    inTemporaryFolder(async (folder) => {
      const plan = await condensed(folder);
      const out = join(folder, 'refined');
      const runs = join(folder, 'runs');
      const args = [
        'refine',
        'tiny',
        '--plan',
        plan,
        '--refiner',
        'cd-moe',
        ...training,
        '--runs',
        runs,
        '--json',
      ];
      const refined = await moepress([...args, '--out', out]);
      expect(refined.code).toBe(0);
      expect((await readdir(out)).sort()).toEqual([
        'learned.safetensors',
        'loss.language.ndjson',
        'loss.svg',
        'loss.task.ndjson',
        'plan.json',
      ]);
      const { curves, planHash } = JSON.parse(refined.stdout);
      expect(curves.language).toHaveLength(2);
      expect(curves.task).toHaveLength(4);

      // What is trained already is not trained again.
      const again = await moepress([...args, '--out', join(folder, 'again')]);
      expect(JSON.parse(again.stdout)).toMatchObject({ planHash, curves });

      const before = await perplexity(['tiny', '--plan', plan]);
      const view = await perplexity(['tiny', '--plan', join(out, 'plan.json')]);
      expect(view).toBeLessThan(before);

      const checkpoint = join(folder, 'checkpoint');
      await moepress(['apply', join(out, 'plan.json'), 'tiny', '--out', checkpoint]);
      expect(moeBlocks(await openModel(checkpoint))).toHaveLength(2);
      expect((await perplexity([checkpoint])) / view).toBeCloseTo(1, 2);
      expect(await readFile(join(checkpoint, 'README.md'), 'utf8')).toContain('refined by | cd-moe');

      const file = join(out, 'learned.safetensors');
      const bytes = await readFile(file);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(file, bytes);
      const damaged = await moepress([
        'eval',
        'tiny',
        '--plan',
        join(out, 'plan.json'),
        '--tasks',
        'tiny_gsm',
      ]);
      expect(damaged.code).toBe(1);
      expect(damaged.stderr).toContain('damaged');
    }));

  it('says what is wrong before it trains', () =>
    inTemporaryFolder(async (folder) => {
      const plan = await condensed(folder);
      const refine = (...more: string[]) =>
        moepress(['refine', 'tiny', '--plan', plan, '--out', join(folder, 'out'), ...training, ...more]);
      expect(await refine('--refiner', 'cd-mo')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Did you mean "cd-moe"?'),
      });
      expect(await refine('--refiner', 'cd-moe', '--option', 'learnigRate=1')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Did you mean "learningRate"?'),
      });
      expect(await readdir(folder)).toEqual(['plan.json']);
    }));
});
