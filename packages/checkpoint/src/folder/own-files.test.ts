import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../model/open.js';
import { copyOfFixture, failure, temporaryFolder } from '../support.test.util.js';
import { openOwnFile, ownCompanions, ownFile } from './own-files.js';

describe('files of a checkpoint', () => {
  it('lie in its folder, or are linked within it', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'legal'));
    await writeFile(join(folder, 'legal', 'terms'), 'terms');
    await symlink('legal/terms', join(folder, 'LICENSE'));
    await writeFile(join(folder, 'vocab.txt'), 'a');
    expect((await ownCompanions(folder)).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['LICENSE', 5],
      ['vocab.txt', 1],
    ]);
    expect(await ownFile(folder, 'NOTICE')).toBeNull();
  });

  it('are blobs of the cache of the Hub, whoever links to them', async () => {
    const hub = await temporaryFolder();
    const blobs = join(hub, 'models--a--b', 'blobs');
    const snapshot = join(hub, 'models--a--b', 'snapshots', 'main');
    const folder = await temporaryFolder();
    const sha = '0123456789'.repeat(4);
    for (const path of [blobs, snapshot]) await mkdir(path, { recursive: true });
    for (const name of [sha, 'etag']) await writeFile(join(blobs, name), 'text');
    await symlink('../../blobs/etag', join(snapshot, 'LICENSE'));
    await symlink(join(blobs, sha), join(folder, 'LICENSE'));
    // Not a name that only the cache gives.
    await symlink(join(blobs, 'etag'), join(folder, 'NOTICE'));
    expect(await ownFile(snapshot, 'LICENSE')).toMatchObject({ bytes: 4 });
    expect(await ownFile(folder, 'LICENSE')).toMatchObject({ bytes: 4 });
    expect((await failure(ownFile(folder, 'NOTICE'))).code).toBe('CHECKPOINT_INVALID');
  });

  it.each([
    ['a file of the system', '/proc/self/environ', 'a link that leaves the folder, to /proc/'],
    ['a file beside it', '../secret', 'a link that leaves the folder'],
    ['a link to a link', 'hop', 'a link that leaves the folder'],
    ['what looks like a snapshot of a cache', '../blobs/secret', 'a link that leaves the folder'],
    ['nothing', 'nowhere', 'a link that leads to nothing'],
    ['itself', 'LICENSE', 'a link that leads to nothing'],
    ['a folder', '.', 'not a file'],
    ['a device', '/dev/zero', 'not a file'],
  ])('are refused by name where they are links to %s', async (_, target, problem) => {
    const outside = await temporaryFolder();
    await writeFile(join(outside, 'secret'), 'secret');
    const folder = join(outside, 'clone');
    await mkdir(folder);
    await mkdir(join(outside, 'elsewhere'));
    await writeFile(join(outside, 'elsewhere', 'secret'), 'secret');
    await symlink('elsewhere', join(outside, 'blobs'));
    await symlink('../secret', join(folder, 'hop'));
    await symlink(target, join(folder, 'LICENSE'));
    const error = await failure(ownCompanions(folder));
    expect(error).toMatchObject({ code: 'CHECKPOINT_INVALID', where: join(folder, 'LICENSE') });
    expect(error.message).toContain(`LICENSE is ${problem}`);
  });

  it('are no pipes, which would be waited for', async () => {
    const folder = await copyOfFixture('olmoe');
    execFileSync('mkfifo', [join(folder, 'vocab.txt')]);
    expect(await failure(ownCompanions(folder))).toMatchObject({ where: join(folder, 'vocab.txt') });
    expect(await failure(openModel(folder))).toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: 'vocab.txt is not a file.',
    });
    const changed = { name: 'vocab.txt', path: join(folder, 'vocab.txt'), bytes: 1 };
    expect((await failure(openOwnFile(changed))).message).toBe('vocab.txt is not a file.');
  });

  it('are no pipes where weights are expected', async () => {
    const folder = await copyOfFixture('olmoe');
    execFileSync('mv', [join(folder, 'model.safetensors'), join(folder, 'aside')]);
    execFileSync('mkfifo', [join(folder, 'model.safetensors')]);
    expect((await failure(openModel(folder))).code).toBe('CHECKPOINT_INVALID');
  });
});
