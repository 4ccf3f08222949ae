import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFloat32, openModel, readSafetensors } from '@moepress/checkpoint';
import { moeBlocks, parsePlan, planHash, planSchema } from '@moepress/core';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const ids = JSON.stringify(Array.from({ length: 40 }, (_, i) => (i * 37) % 640));

async function traced(model: string, folder: string, name: string, ...more: string[]) {
  const out = join(folder, `${name}.safetensors`);
  const { code, stderr } = await moepress(['trace', model, '--ids', ids, '--out', out, ...more]);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  const { tensors } = await readSafetensors(out);
  return (tensor: string) => decodeFloat32(tensors.get(tensor)!);
}

/** So few tokens that measuring takes no time. */
const few = ['--calibration', 'tiny:8x64'];
const tinyWeights = join(tinyModel.directory, 'model.safetensors');
const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

describe('moepress compress', () => {
  it('conmoe over three layers: compact, materialised and plan view are one function', () =>
    inTemporaryFolder(async (folder) => {
      const [compact, materialised, plan] = ['compact', 'materialised', 'plan.json'].map((name) =>
        join(folder, name),
      );
      const common = ['--method', 'conmoe', '--ratio', '0.5', '--option', 'scope=3', ...few];
      for (const layout of ['compact', 'materialised']) {
        const args = ['compress', 'tiny', ...common, '--layout', layout, '--out', join(folder, layout)];
        expect(await moepress(args)).toMatchObject({ code: 0 });
      }
      expect(await moepress(['compress', 'tiny', ...common, '--plan-only', '--out', plan!])).toMatchObject({
        code: 0,
      });

      const view = await (await traced('tiny', folder, 'view', '--plan', plan!))('logits');
      for (const checkpoint of [compact!, materialised!]) {
        const logits = await (await traced(checkpoint, folder, 'written'))('logits');
        expect(difference(logits, view)).toBeLessThan(1e-4);
      }
      const original = await (await traced('tiny', folder, 'original'))('logits');
      expect(difference(original, view)).toBeGreaterThan(0.1);

      // Half of the 64 experts remain, whichever layer they come from; the last scope may be shorter.
      const model = await openModel(compact!);
      const prototypes = new Set(
        moeBlocks(model).flatMap(({ ffn }) =>
          ffn.pool.map(({ origin }) => `${origin.layer}.${origin.index}`),
        ),
      );
      expect(prototypes.size).toBe(32);
      const weights = (directory: string) => statSync(join(directory, 'model.safetensors')).size;
      expect(weights(compact!)).toBeLessThan(0.65 * weights(materialised!));
      expect(Math.abs(weights(materialised!) / statSync(tinyWeights).size - 1)).toBeLessThan(0.01);
    }));

  it('changes nothing at ratio 0', () =>
    inTemporaryFolder(async (folder) => {
      const out = join(folder, 'same');
      const args = ['compress', 'tiny', '--method', 'conmoe', '--ratio', '0', ...few, '--out', out];
      expect(await moepress(args)).toMatchObject({ code: 0 });
      const [same, original] = [await traced(out, folder, 'a'), await traced('tiny', folder, 'b')];
      expect(await same('logits')).toEqual(await original('logits'));
    }));

  it('drops experts with their router rows into a stock checkpoint, plan and card beside it', () =>
    inTemporaryFolder(async (folder) => {
      const [out, again, plan] = ['out', 'again', 'plan.json'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      const method = ['--method', 'reap', '--ratio', '0.25', ...few];
      expect(await moepress(['compress', 'tiny', ...method, '--out', out])).toMatchObject({ code: 0 });
      const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
      expect(config).toMatchObject({ model_type: 'qwen2_moe', num_experts: 12 });
      expect(readFileSync(join(out, 'README.md'), 'utf8')).toMatch(/reap/i);
      for (const file of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json']) {
        expect(readFileSync(join(out, file))).toEqual(readFileSync(join(tinyModel.directory, file)));
      }

      await moepress(['compress', 'tiny', ...method, '--plan-only', '--out', plan]);
      expect(planSchema.parse(JSON.parse(readFileSync(plan, 'utf8')))).toEqual(
        JSON.parse(readFileSync(join(out, 'moepress_plan.json'), 'utf8')),
      );
      expect(await moepress(['apply', plan, 'tiny', '--out', again])).toMatchObject({ code: 0 });
      expect(readFileSync(join(again, 'model.safetensors'))).toEqual(
        readFileSync(join(out, 'model.safetensors')),
      );
    }));

  it.each([
    ['a ratio that leaves too few experts', ['--method', 'conmoe', '--ratio', '0.9'], 1, 'RATIO_TOO_HIGH'],
    ['the same by dropping', ['--method', 'reap', '--ratio', '0.85'], 1, 'RATIO_TOO_HIGH'],
    ['a ratio that is none', ['--method', 'conmoe', '--ratio', '2'], 2, 'USAGE'],
    ['an unknown method', ['--method', 'conmo', '--ratio', '0.5'], 2, 'METHOD_UNKNOWN'],
    [
      'an unknown option',
      ['--method', 'conmoe', '--ratio', '0.5', '--option', 'scop=2'],
      2,
      'OPTIONS_INVALID',
    ],
    [
      'calibration that is not there',
      ['--method', 'reap', '--ratio', '0.5', '--calibration', 'no.txt'],
      1,
      'CALIBRATION_INVALID',
    ],
  ])('refuses %s', (_, args, exitCode, code) =>
    inTemporaryFolder(async (folder) => {
      const outcome = await moepress(['compress', 'tiny', ...args, '--out', 'out', '--json'], {
        cwd: folder,
      });
      expect(outcome.code).toBe(exitCode);
      const error = JSON.parse(outcome.stderr.trim().split('\n').at(-1)!);
      expect(error).toMatchObject({ type: 'error', code });
      expect(error.hint.length).toBeGreaterThan(5);
      expect(readdirSync(folder)).toEqual([]);
    }),
  );

  it('refuses a plan made for another model, and an output that exists, before any work', () =>
    inTemporaryFolder(async (folder) => {
      const plan = join(folder, 'plan.json');
      await moepress([
        'compress',
        'tiny',
        '--method',
        'random',
        '--ratio',
        '0.5',
        '--plan-only',
        '--out',
        plan,
      ]);
      const json = JSON.parse(readFileSync(plan, 'utf8'));
      writeFileSync(plan, JSON.stringify({ ...json, base: { ...json.base, headers: '0'.repeat(64) } }));
      const applied = await moepress(['apply', plan, 'tiny', '--out', join(folder, 'out')]);
      expect(applied).toMatchObject({ code: 1, stderr: expect.stringContaining('was made for tiny') });
      expect(existsSync(join(folder, 'out'))).toBe(false);

      const args = ['compress', 'tiny', '--method', 'reap', '--ratio', '0.5', '--out', folder];
      const outcome = await moepress(args);
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).not.toContain('Tokenising');
    }));

  it.each([
    ['a checkpoint', ['--out', 'file/x']],
    ['a plan', ['--plan-only', '--out', 'file/x.json']],
    ['a plan where a folder is', ['--plan-only', '--out', '.']],
  ])('refuses an output path that cannot be, before any work: %s', (_, output) =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      const args = ['compress', 'tiny', '--method', 'reap', '--ratio', '0.5', ...output];
      const { code, stderr } = await moepress(args, { cwd: folder });
      expect(code).toBe(1);
      expect(stderr).toContain('where: ');
      expect(stderr).not.toContain('Tokenising');
    }),
  );

  it('makes the folders that a plan goes into', () =>
    inTemporaryFolder(async (folder) => {
      const args = ['compress', 'tiny', '--method', 'random', '--ratio', '0.5', '--plan-only', '--json'];
      const { stdout } = await moepress([...args, '--out', 'a/b/plan.json'], { cwd: folder });
      const plan = parsePlan(readFileSync(join(folder, 'a/b/plan.json'), 'utf8'), 'plan.json');
      expect(JSON.parse(stdout)).toEqual({ out: 'a/b/plan.json', planHash: planHash(plan) });
    }));

  it.each(['SIGINT', 'SIGTERM'] as const)('stops on %s and leaves nothing behind', (signal) =>
    inTemporaryFolder(async (folder) => {
      const method = ['--method', 'conmoe', '--ratio', '0.5'];
      // Measured anew, so that there is something to stop.
      const args = ['compress', 'tiny', ...method, '--no-evidence', '--out', 'out', '--json'];
      const outcome = await moepress(args, {
        cwd: folder,
        watch: (child) => child.stderr!.once('data', () => child.kill(signal)),
      });
      expect(outcome.code).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(outcome.stderr).toContain('ABORTED');
      expect(readdirSync(folder)).toEqual([]);
    }),
  );
});
