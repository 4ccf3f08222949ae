import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { makeFolders } from './folders.js';

describe('makeFolders', () => {
  it('makes what is not there', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'a'));
    await Promise.all([1, 2, 3].map(() => makeFolders(join(folder, 'a', 'b', 'c'))));
    await makeFolders(join(folder, 'a', 'b', 'c'));
    expect((await stat(join(folder, 'a', 'b', 'c'))).isDirectory()).toBe(true);
  });

  it('goes through links to folders', async () => {
    const folder = await temporaryFolder();
    await symlink(folder, join(folder, 'link'));
    await makeFolders(join(folder, 'link', 'a'));
    expect((await stat(join(folder, 'a'))).isDirectory()).toBe(true);
  });

  it('says where it cannot', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    await symlink(join(folder, 'nowhere'), join(folder, 'dangling'));
    for (const name of ['file', 'file/a', 'dangling', 'dangling/a']) {
      expect((await failure(makeFolders(join(folder, name)))).code).toBe('WRITE_FAILED');
    }
  });

  it.runIf(process.platform === 'linux')('ends where the file system takes no folders', async () => {
    expect(await failure(makeFolders('/proc/moepress/a'))).toMatchObject({ code: 'WRITE_FAILED' });
  });
});
