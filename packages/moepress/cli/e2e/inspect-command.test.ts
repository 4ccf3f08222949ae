import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

interface Saving {
  readonly ratio: number;
  readonly parameters: number;
  readonly ofModel: number;
  readonly ofRouted: number;
  readonly isNominal: boolean;
}

describe('the savings that inspect shows', () => {
  it('are those of the checkpoints that methods write', () =>
    inTemporaryFolder(async (folder) => {
      const { stdout } = await moepress(['inspect', 'tiny', '--json']);
      const { methods, size } = JSON.parse(stdout);
      for (const name of [
        'reap',
        'random',
        'conmoe',
        'fisher-moe',
        'expert-fisher',
        'cd-moe',
        'moe-to-dense',
      ]) {
        const found = methods.find((method: { name: string }) => method.name === name);
        const [saving] = found.savings as [Saving];
        const calibration = ['--calibration', 'tiny:4x64'];
        const args = ['compress', 'tiny', '--method', name, '--ratio', '0.25', '--out', join(folder, name)];
        const written = await moepress([...args, ...calibration, '--json']);
        expect(written.code, written.stderr).toBe(0);
        const { parameters, removed } = JSON.parse(written.stdout);
        const gone = size.total.parameters - parameters.whole;
        expect({ name, ...saving }).toMatchObject({ name, parameters: gone, isNominal: false });
        expect([saving.ofRouted, saving.ofModel]).toEqual([removed.routed, removed.whole]);
        const warns = written.stderr.includes('were asked for');
        expect([name, warns]).toEqual([name, Math.abs(removed.routed - 0.25) > 0.0125]);
      }
    }));

  it('are of what files hold where a layout fills them up', () =>
    inTemporaryFolder(async (folder) => {
      const args = ['compress', 'tiny', '--method', 'conmoe', '--ratio', '0.5', '--calibration', 'tiny:4x64'];
      const { stdout } = await moepress([...args, '--layout', 'materialised', '--out', join(folder, 'full')]);
      expect(stdout).toContain('Removed 0.0 % of the routed-expert parameters, 0.0 % of the model');
      expect(stdout).toContain(
        'The plan removes 50.0 % of the routed-expert parameters, 38.2 % of the model',
      );
    }));
});
