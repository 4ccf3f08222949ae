import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const tasks = (stderr: string) =>
  stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .flatMap((event) => (event.type === 'start' ? [event.task] : []));

describe('evidence', () => {
  it('is shared by methods, can be looked at, and is not kept where it is not wanted', () =>
    inTemporaryFolder(async (folder) => {
      const env = { MOEPRESS_CACHE: folder };
      const compress = (method: string, ...more: string[]) =>
        moepress(
          ['compress', 'tiny', '--method', method, '--ratio', '0.25', '--plan-only', '--json', ...more],
          { env },
        );

      const unkept = await compress('reap', '--no-evidence');
      expect(JSON.parse((await moepress(['evidence', '--json'], { env })).stdout).evidence).toEqual([]);
      const first = await compress('reap', '--min-tokens', '100000000');
      const second = await compress('frequency');
      expect([unkept, first, second].map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(JSON.parse(first.stdout)).toEqual(JSON.parse(unkept.stdout));
      expect(tasks(first.stderr)).toContain('Calibrating');
      expect(tasks(second.stderr)).not.toContain('Calibrating');
      expect(first.stderr).toContain('fewer than 100000000 calibration tokens: 16 in layer 0');

      const { root, evidence } = JSON.parse((await moepress(['evidence', '--json'], { env })).stdout);
      expect(root).toBe(join(folder, 'evidence'));
      const names = evidence.map(({ statistic }: { statistic: { name: string } }) => statistic.name);
      expect(names.sort()).toEqual(['expert-hits', 'gated-output-norms']);

      const shown = await moepress(['evidence', evidence[0].folder, '--json'], { env });
      const { layers } = JSON.parse(shown.stdout);
      expect(layers).toHaveLength(4);
      const shares = layers.map(({ capability }: { capability: { share: number } }) => capability.share);
      expect(shares.reduce((a: number, b: number) => a + b, 0)).toBeCloseTo(1, 9);
      expect(layers[0].tokens.max).toBeGreaterThan(layers[0].tokens.min);

      expect((await moepress(['evidence'], { env })).stdout).toContain('expert-hits 1');
      expect((await moepress(['evidence', evidence[0].folder], { env })).stdout).toContain('capability');
    }));

  it('is done without where it cannot be kept, unless it was asked for', () =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      const args = ['compress', 'tiny', '--method', 'reap', '--ratio', '0.25', '--plan-only'];
      const calibration = ['--calibration', 'tiny:4x32'];
      const without = await moepress([...args, ...calibration], {
        cwd: folder,
        env: { MOEPRESS_CACHE: join(folder, 'file') },
      });
      expect(without).toMatchObject({ code: 0, stderr: expect.stringMatching(/warning: .* are not kept/) });
      const refused = await moepress([...args, '--evidence', 'file'], { cwd: folder });
      expect(refused.code).toBe(1);
      expect(refused.stderr).not.toContain('Tokenising');
    }));

  it.each(['reap', 'fisher-moe', 'cd-moe'])(
    'of %s are refused before anything is measured where memory does not suffice, and leave nothing behind',
    (method) =>
      inTemporaryFolder(async (folder) => {
        const { code, stdout, stderr } = await moepress(
          [
            ...['compress', 'tiny', '--method', method, '--ratio', '0.25', '--calibration', 'tiny:4x32'],
            ...['--out', join(folder, 'out'), '--memory', '50MB', '--json'],
          ],
          { env: { MOEPRESS_CACHE: join(folder, 'cache'), TMPDIR: folder } },
        );
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        expect(stderr).toContain('MEMORY_EXCEEDED');
        expect(stderr).toMatch(/This takes \d+\.\d+ GB of memory at least, and 0\.05 GB may be used/);
        expect(stderr).not.toMatch(/"advance","task":"(Calibrating|Differentiating|Replaying|Comparing)/);
        const left = readdirSync(folder, { recursive: true, withFileTypes: true });
        // The digest of the weights stays: it is true whatever becomes of the run.
        const files = left.filter((entry) => entry.isFile() && basename(entry.parentPath) !== 'digests');
        expect(files).toEqual([]);
        expect(existsSync(join(folder, 'out'))).toBe(false);
      }),
  );

  it('says so when there is no such folder', async () => {
    const { code, stderr } = await moepress(['evidence', './no-such-folder']);
    expect(code).toBe(2);
    expect(stderr).toContain('hint');
  });

  it.each(['4 bananas', '-1', 'GB'])('refuses --memory %s', async (memory) => {
    const { code } = await moepress([
      'compress',
      'tiny',
      '--method',
      'reap',
      '--ratio',
      '0.5',
      '--memory',
      memory,
    ]);
    expect(code).toBe(2);
  });
});
