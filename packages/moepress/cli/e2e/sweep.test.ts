import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const grid = `
model: tiny
method: moe-to-dense
calibration: tiny:16
options:
  scoring: [do-acp, sf]
  grouping: [weights, balanced]
  keep: [4, 8]
  scaling: uniform
tasks: [tiny_facts]
limit: 4
by: distance
best: { count: 2, tasks: [tiny_where], limit: 4 }
`;

const linesIn = (folder: string) =>
  readFileSync(join(folder, 'out/results.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('moepress sweep', () => {
  it('tries all combinations, ranks them, draws them, and goes on where it was', () =>
    inTemporaryFolder(async (folder) => {
      const run = async () => {
        const { code, stdout, stderr } = await moepress(['sweep', 'grid.yaml', '--out', 'out', '--json'], {
          cwd: folder,
        });
        expect(code, stderr).toBe(0);
        return JSON.parse(stdout);
      };
      writeFileSync(join(folder, 'grid.yaml'), grid);
      const whole = await run();
      const { entries, factors, figures } = whole;
      expect(entries).toHaveLength(8);
      const distances = entries.map(({ distance }: { distance: number }) => distance);
      expect(distances).toEqual(distances.toSorted((a: number, b: number) => a - b));
      expect(factors.map(({ option }: { option: string }) => option).sort()).toEqual([
        'grouping',
        'keep',
        'scoring',
      ]);
      // The two best were asked more. With as many experts as parts the grouping changes nothing.
      const asked = entries.map(({ scores }: { scores: object }) => Object.keys(scores).join());
      expect(asked.slice(0, 3)).toEqual(['tiny_facts,tiny_where', 'tiny_facts,tiny_where', 'tiny_facts']);
      expect(new Set(entries.map(({ decision }: { decision: string }) => decision)).size).toBe(6);
      expect(figures).toHaveLength(2);
      expect(readFileSync(figures[0], 'utf8')).toContain('<svg');

      const lines = linesIn(folder);
      expect(lines).toHaveLength(10);
      writeFileSync(join(folder, 'out/results.ndjson'), '');
      for (const line of lines.slice(0, 5)) {
        appendFileSync(join(folder, 'out/results.ndjson'), `${JSON.stringify(line)}\n`);
      }
      appendFileSync(join(folder, 'out/results.ndjson'), '{"format":1,"configur');
      expect(await run()).toEqual(whole);
      expect(linesIn(folder).slice(0, 5)).toEqual(lines.slice(0, 5));
    }));

  it('says which line of the grid is wrong before anything is measured', () =>
    inTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'grid.yaml'), grid.replace('keep: [4, 8]', 'keep: [4, 17]'));
      const { code, stderr } = await moepress(['sweep', 'grid.yaml', '--out', 'out'], { cwd: folder });
      expect(code).toBe(2);
      expect(stderr).toContain('keep must be between these numbers and is 17');
      expect(stderr).toContain('grid.yaml:6');
    }));
});
