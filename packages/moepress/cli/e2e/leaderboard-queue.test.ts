import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRedis, type RedisServer, startRedis } from '@moepress/queue/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTemporaryFolder } from './command.js';
import { cellsIn, resultsIn, runLeaderboard as run, untilCells } from './leaderboard-folder.js';
import { without } from './without.js';

const program = findRedis();

const recipe = `
models: [tiny]
tasks: [tiny_facts]
limit: 4
ratios: [0.25, 0.5]
calibration: ['tiny:16x64']
methods: [reap, frequency, random]
`;
const cellsOfRecipe = 1 + 2 * 3;

describe.runIf(program)('moepress leaderboard --queue', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(program!);
  });
  afterAll(() => server.stop());

  it('gives on two machines, one of which is killed, the table of one', () =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'recipe.yaml'), recipe);
      const [alone, first, second, third] = ['alone', 'first', 'second', 'third'].map((name) =>
        join(folder, name),
      );
      const queue = ['--no-answers', '--queue', server.url, '--stalled-after', '5'];
      // Machines have their own measurements.
      const machine = (out: string) => ({ env: { MOEPRESS_CACHE: `${out}-cache` } });
      expect((await run(folder, alone!, ['--no-answers'])).code).toBe(0);

      const [killed, survivor] = await Promise.all([
        run(folder, first!, queue, {
          ...machine(first!),
          async watch(child) {
            await untilCells(first!, 2);
            child.kill('SIGKILL');
          },
        }),
        run(folder, second!, queue, machine(second!)),
      ]);
      expect(killed.code).toBeNull();
      expect(survivor.stderr).not.toContain('"error"');
      expect(survivor.code).toBe(0);
      expect(JSON.parse(survivor.stdout).cells).toHaveLength(cellsOfRecipe);
      expect(resultsIn(second!)).toEqual(resultsIn(alone!));
      const table = (out: string) => readFileSync(join(out, 'leaderboard.md'), 'utf8');
      expect(table(second!)).toBe(table(alone!));

      // What the killed one had finished was not done again, but for a cell it died on telling of.
      const finished = cellsIn(second!);
      const paths = finished.map(({ results }) => results);
      const again = cellsIn(first!).filter(({ results }) => !paths.includes(results));
      expect(again.length).toBeLessThanOrEqual(1);
      expect(cellsIn(first!).length).toBeLessThan(cellsOfRecipe);

      // A machine that comes when all is done gets cells and files, and computes nothing.
      expect((await run(folder, third!, queue, machine(third!))).code).toBe(0);
      expect(cellsIn(third!)).toEqual(finished);
      for (const { plan, results, samples } of finished) {
        for (const file of [plan, results, ...Object.values(samples)]) {
          if (file !== null) expect(existsSync(join(third!, file as string))).toBe(true);
        }
      }
    }));
});

it('says how to get the package', () =>
  inTemporaryFolder(async (folder) => {
    writeFileSync(join(folder, 'recipe.yaml'), recipe);
    const env = { NODE_OPTIONS: without('@moepress/queue') };
    const { code, stderr } = await run(folder, 'out', ['--queue', 'redis://127.0.0.1:1'], { env });
    expect(code).not.toBe(0);
    expect(stderr).toContain('npm install @moepress/queue');
  }));

it('says when no server is there', () =>
  inTemporaryFolder(async (folder) => {
    writeFileSync(join(folder, 'recipe.yaml'), recipe);
    const { code, stderr } = await run(folder, 'out', ['--queue', 'redis://127.0.0.1:1']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('SERVER_UNREACHABLE');
  }));
