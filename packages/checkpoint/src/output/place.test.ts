import { spawnSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { checkWritable } from './place.js';
import { all } from './support.test.util.js';

/** A process that is killed while it writes a file beside `path`. */
const script = `
  const { openPartial } = await import(process.argv[1]);
  await openPartial(process.argv[2]);
  process.kill(process.pid, 'SIGKILL');
`;
const module = new URL('../files/replace-file.js', import.meta.url).href;

describe('a folder that files go into', () => {
  it.each(['.', 'new', 'new/er'])('serves as %s, and nothing is made yet', async (name) => {
    const folder = await temporaryFolder();
    await checkWritable(join(folder, name));
    expect(await all(folder)).toEqual([]);
  });

  it.each(['file', 'file/x/y', 'dangling', 'loop/x', 'x'.repeat(256), `new/${'x'.repeat(256)}`])(
    'is refused as %s',
    async (name) => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'file'), '');
      await symlink('nowhere', join(folder, 'dangling'));
      await symlink('loop', join(folder, 'loop'));
      expect((await failure(checkWritable(join(folder, name)))).code).toBe('WRITE_FAILED');
      expect(await all(folder)).toEqual(['dangling', 'file', 'loop']);
    },
  );

  it('loses what a killed process was trying there', async () => {
    const folder = await temporaryFolder();
    const args = ['--input-type=module', '--eval', script, module, join(folder, 'probe')];
    expect(spawnSync(process.execPath, args).signal).toBe('SIGKILL');
    expect(await all(folder)).toEqual([expect.stringMatching(/^probe\.partial-[0-9a-f]{12}$/)]);
    await writeFile(join(folder, 'mine.partial-backup'), '');
    await checkWritable(folder);
    expect(await all(folder)).toEqual(['mine.partial-backup']);
  });
});
