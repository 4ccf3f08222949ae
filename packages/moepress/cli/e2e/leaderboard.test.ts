import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';
import {
  cellsIn,
  cellsOfRecipe,
  recipe,
  resultsIn,
  runLeaderboard as run,
  untilCells,
} from './leaderboard-folder.js';

describe('moepress leaderboard', () => {
  it('gives the same table when it is killed and run again, by one worker or two', () =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'recipe.yaml'), recipe);
      const [whole, resumed] = ['whole', 'resumed'].map((name) => join(folder, name));
      // Without answers, so that the second run has to compute what it shows.
      const alone = await run(folder, whole!, ['--no-answers']);
      expect(alone.code, alone.stderr).toBe(0);
      const { cells } = JSON.parse(alone.stdout);
      expect(cells).toHaveLength(cellsOfRecipe);

      const killed = await run(folder, resumed!, ['--no-answers'], {
        async watch(child) {
          await untilCells(resumed!, 3);
          child.kill('SIGKILL');
        },
      });
      expect(killed.code).toBeNull();
      expect(cellsIn(resumed!).length).toBeLessThan(cellsOfRecipe);
      const again = await run(folder, resumed!, ['--no-answers', '--workers', '2']);
      expect(again.code, again.stderr).toBe(0);
      // What was finished is found; the rest is computed.
      expect(again.stderr).toMatch(/"advance","task":"Filling the leaderboard","done":[3-9]/);
      expect(resultsIn(resumed!)).toEqual(resultsIn(whole!));
      const table = (out: string) => readFileSync(join(out, 'leaderboard.md'), 'utf8');
      expect(table(resumed!)).toBe(table(whole!));

      const finished = cellsIn(resumed!);
      expect((await run(folder, resumed!)).code).toBe(0);
      // Files are named by their time: none is new.
      expect(cellsIn(resumed!)).toEqual(finished);
    }));

  it('links to plans and samples', () =>
    inTemporaryFolder(async (folder) => {
      const one =
        'models: [tiny]\ntasks: [tiny_facts]\nlimit: 2\npublished: true\nratios: [0.25]\nmethods: [random, reap]\nseeds: [0, 1]';
      writeFileSync(join(folder, 'notes.txt'), 'A text that is measured whole, whatever the seed is.');
      writeFileSync(join(folder, 'recipe.yaml'), `title: Small & quick\n${one}\ncalibration: [notes.txt]\n`);
      expect((await run(folder, join(folder, 'out'))).code).toBe(0);
      const cells = cellsIn(join(folder, 'out'));
      // Another seed changes nothing of a method that does not draw.
      expect(cells.map(({ method }) => method)).toEqual([null, 'random', 'random', 'reap']);
      expect(cells[0].movement).toBeNull();
      for (const { movement } of cells.slice(1)) {
        expect(movement.kl_mean).toBeGreaterThan(0);
        expect(movement.kl_p99).toBeGreaterThan(movement.kl_mean);
        expect(movement.tokens).toBeGreaterThan(4);
      }
      expect(readFileSync(join(folder, 'out/leaderboard.md'), 'utf8')).toContain('| KL | KL p99 | Top-1 |');
      for (const { plan, results, samples } of cells) {
        for (const file of [plan, results, ...Object.values(samples)]) {
          if (file !== null) expect(existsSync(join(folder, 'out', file as string))).toBe(true);
        }
      }
      const page = readFileSync(join(folder, 'out/index.html'), 'utf8');
      expect(page).toContain('<title>Small &#38; quick</title>');
      expect(page).toContain('calibration: [notes.txt]');
      const table = readFileSync(join(folder, 'out/leaderboard.md'), 'utf8').split('\n');
      expect(table.filter((line) => line.startsWith('| tiny '))).toEqual([
        expect.stringContaining('| original |'),
        expect.stringMatching(/\| random \| +\| 0, 1 \| 25\.0 % \|.*±/),
        expect.stringMatching(/\| reap \| notes\.txt \| 0 \|/),
      ]);
    }));

  it.each([
    ['models: [tiny\ntasks: 3', /^error: This is not valid YAML/m, 2],
    ['models: [tiny]\ntasks: [tiny_facts]\nmethods: [reap]\nratios: [0.5, 1.5]', /ratios\.1/, 4],
    ['models: [tiny]\ntasks: [tiny_facts]\nmethods:\n  - reap\n  - raep\nratios: [0.5]', /reap/, 5],
    ['models: [tiny]\ntasks: [tiny_fact]\nmethods: [reap]\nratios: [0.5]', /tiny_facts/, 2],
    [
      'models: [tiny]\ntasks: [tiny_facts]\nmethods: [reap]\nratios: [0.5]\ncalibration: [a/b/c]',
      /a\/b\/c/,
      5,
    ],
    [
      'models: [tiny]\ntasks: [tiny_facts]\nmethods:\n  - { method: reap, option: {} }\nratios: [0.5]',
      /option/,
      4,
    ],
    [
      'models: [tiny]\ntasks: [tiny_facts]\nratios: [0.5]\nmethods:\n  - { method: random, options: { seed: 5 } }',
      /seeds of the recipe/,
      5,
    ],
    [
      'models: [tiny]\ntasks: [tiny_facts]\nratios: [0.5]\nmethods:\n  - { method: random, options: { ratio: 0.3 } }',
      /ratios of the recipe/,
      5,
    ],
    ['models: [./gone]\ntasks: [tiny_facts]\nmethods: [reap]\nratios: [0.5]', /not a folder/, 1],
  ])('names the line of %j', (text, message, line) =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'recipe.yaml'), text);
      const { code, stderr } = await moepress(['leaderboard', 'recipe.yaml', '--out', 'out'], {
        cwd: folder,
      });
      expect([1, 2]).toContain(code);
      expect(stderr).toMatch(message);
      expect(stderr).toContain(`where: recipe.yaml:${line}\n`);
      expect(readdirSync(folder)).toEqual(['recipe.yaml']);
    }),
  );
});
