import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const evaluate = (cwd: string, ...more: string[]) =>
  moepress(['eval', 'tiny', '--tasks', 'tiny_facts', '--limit', '20', ...more], { cwd });

describe('answers', () => {
  it('are found again, unless the model or the text it sees is another', () =>
    inTemporaryFolder(async (folder) => {
      const answers = ['--answers', 'answers'];
      const scored = async (...more: string[]) => {
        const { stderr } = await evaluate(folder, ...answers, ...more, '--json');
        return stderr.includes('"Scoring"');
      };
      const plan = ['--method', 'random', '--ratio', '0.5', '--plan-only', '--out', 'plan.json'];
      expect(await scored()).toBe(true);
      expect(await scored()).toBe(false);
      expect(await scored('--no-answers')).toBe(true);
      expect((await moepress(['compress', 'tiny', ...plan], { cwd: folder })).code).toBe(0);
      expect(await scored('--plan', 'plan.json')).toBe(true);
      expect(await scored('--add-bos')).toBe(true);
      expect(readdirSync(join(folder, 'answers'))).toHaveLength(3);
    }));

  it('are done without where they cannot be kept, unless that was asked for', () =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      const args = ['eval', 'tiny', '--tasks', 'tiny_facts', '--limit', '2'];
      const without = await moepress(args, { cwd: folder, env: { MOEPRESS_CACHE: join(folder, 'file') } });
      expect(without).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/warning: Answers are not kept/),
      });
      expect((await evaluate(folder, '--answers', 'file')).code).toBe(1);
    }));
});

describe('moepress eval', () => {
  it.each([
    [['--base-url', 'http://127.0.0.1:1/v1', '--plan', 'plan.json'], '--plan'],
    [['--base-url', 'http://127.0.0.1:1/v1', '--add-bos'], '--add-bos'],
    [['--concurrency', '2'], '--concurrency'],
  ])('refuses %j', async (more, option) => {
    const { code, stderr } = await moepress(['eval', 'tiny', '--tasks', 'tiny_facts', ...more]);
    expect(code).toBe(2);
    expect(stderr).toContain(`where: ${option}`);
  });

  it('names the setting of the BOS above the table', () =>
    inTemporaryFolder(async (folder) => {
      const { stdout } = await evaluate(folder, '--add-bos');
      expect(stdout.split('\n')[0]).toMatch(/^tiny \(add_bos_token=true, max_length=1024\), limit: 20/);
    }));
});

describe('results', () => {
  it('can be compared and looked into', () =>
    inTemporaryFolder(async (folder) => {
      const plan = ['--method', 'random', '--ratio', '0.5', '--plan-only', '--out', 'plan.json'];
      await moepress(['compress', 'tiny', ...plan], { cwd: folder });
      await evaluate(folder, '--output', 'a');
      await evaluate(folder, '--output', 'b', '--plan', 'plan.json');
      const [a, b] = ['a', 'b'].map((name) => join(name, readdirSync(join(folder, name))[0]!));

      const compared = await moepress(['compare', a!, b!, '--json'], { cwd: folder });
      const { comparisons } = JSON.parse(compared.stdout);
      expect(comparisons).toMatchObject([
        { metric: 'acc', items: 20 },
        { metric: 'acc_norm', items: 20 },
      ]);
      expect(comparisons[0].difference).toBeLessThan(0);
      const table = await moepress(['compare', a!, b!], { cwd: folder });
      expect(table.stdout).toMatch(/\|tiny_facts\|none {2}\|acc /);

      const looked = await moepress(['samples', b!, '--wrong', '--limit', '1'], { cwd: folder });
      const wrong = Math.round(20 * (1 - comparisons[0].second));
      expect(looked.stdout).toContain(`tiny_facts: 1 of ${wrong} samples`);
      expect(looked.stdout).toMatch(/prompt: .*Question:/);
      expect(looked.stdout.match(/<- .*target/g)).toHaveLength(1);
      // Where --output put them they are found, too.
      const above = await moepress(['compare', 'a', 'b', '--json'], { cwd: folder });
      expect(JSON.parse(above.stdout)).toEqual(JSON.parse(compared.stdout));
      expect(above.stderr).not.toContain('asked differently');
      expect(await moepress(['samples', 'b', '--wrong', '--limit', '1'], { cwd: folder })).toEqual(looked);
      const solve = ['--tasks', 'tiny_gsm', '--limit', '4'];
      await evaluate(folder, ...solve, '--output', 'c');
      await evaluate(folder, ...solve, '--output', 'd', '--num-fewshot', '2');
      const shots = await moepress(['compare', 'c', 'd'], { cwd: folder });
      expect(shots.stderr).toContain('4 of 4 prompts of tiny_gsm are not the same');
      expect(shots.stdout).toContain('By score: fewer than');
      await evaluate(folder, '--output', 'a', '--plan', 'plan.json');
      const several = await moepress(['compare', 'a', 'b'], { cwd: folder });
      expect(several).toMatchObject({ code: 2, stderr: expect.stringContaining(`Give that of one: ${a}`) });

      const task = await moepress(['samples', b!, '--task', 'tiny_gsm'], { cwd: folder });
      expect(task).toMatchObject({ code: 2, stderr: expect.stringContaining('Give one of: tiny_facts') });
    }));

  it.each([
    ['compare', '.', '.'],
    ['samples', 'nowhere'],
  ])('are asked for by %s %s', (...args) =>
    inTemporaryFolder(async (cwd) => {
      const { code, stderr } = await moepress(args, { cwd });
      expect(code).toBe(2);
      expect(stderr).toContain('results_<time>.json');
    }),
  );
});
