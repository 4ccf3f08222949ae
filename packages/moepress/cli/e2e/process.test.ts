import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

describe('moepress among other programs', () => {
  it.each(['inspect tiny', 'inspect tiny --json', '--help'])(
    'does not crash when nobody reads %s',
    async (line) => {
      const outcome = await moepress(line.split(' '), { watch: ({ stdout }) => stdout!.destroy() });
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it('does its work when nobody listens to its progress', () =>
    inTemporaryFolder(async (folder) => {
      const args = ['compress', 'tiny', '--method', 'random', '--ratio', '0.5', '--out', 'out'];
      const outcome = await moepress(args, { cwd: folder, watch: ({ stderr }) => stderr!.destroy() });
      expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining('Removed 50.0 %') });
    }));

  it('tells machines what was wrong with the command line, in one line of JSON', async () => {
    const { code, stderr } = await moepress(['inspct', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      type: 'error',
      code: 'USAGE',
      message: "unknown command 'inspct'\n(Did you mean inspect?)",
    });
  });

  it('leaves no trace of its own: no telemetry, no files in home or temporary folders', () =>
    inTemporaryFolder(async (folder) => {
      const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
      for (const directory of [home, temporary]) mkdirSync(directory);
      const args = ['trace', 'tiny', '--ids', '[1, 2]', '--out', 'out.safetensors'];
      // ONNX Runtime is shy under CI, so this must not look like it.
      const env = { CI: undefined, HOME: home, TMPDIR: temporary, XDG_CACHE_HOME: undefined };
      expect(await moepress(args, { cwd: folder, env })).toMatchObject({ code: 0 });
      expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['home', 'out.safetensors', 'tmp']);
    }));
});
