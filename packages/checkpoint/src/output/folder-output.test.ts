import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MoepressError, type ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { createFolder, FolderOutput } from './folder-output.js';
import { all, mayMount, mountAt } from './support.test.util.js';

const fill = async (folder: string) => {
  await writeFile(join(folder, 'config.json'), 'new');
  await mkdir(join(folder, 'more'));
  await writeFile(join(folder, 'more', 'weights'), 'new');
};
const filled = ['config.json', 'more', 'more/weights'];

describe('a folder that is written', () => {
  it('appears whole, with the folders it lies in', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'deep', 'er', 'out');
    await createFolder(out, async (directory) => {
      await fill(directory);
      expect(existsSync(out)).toBe(false);
      expect(statSync(join(directory, '..')).mode & 0o077).toBe(0);
    });
    expect(await all(out)).toEqual(filled);
    // As the user's own mask says, and not closed as what it was made in.
    expect(statSync(out).mode & 0o777).toBe(0o777 & ~process.umask());
    expect(await all(join(folder, 'deep', 'er'))).toEqual(['out', ...filled.map((name) => `out/${name}`)]);
  });

  it('leaves nothing if filling it fails, not even the folders it would lie in', async () => {
    const folder = await temporaryFolder();
    const lost = () => Promise.reject(new MoepressError('TENSOR_MISSING', { message: 'Lost.' }));
    await mkdir(join(folder, 'empty'));
    for (const name of ['out', 'deep/er/out', 'empty']) {
      expect((await failure(createFolder(join(folder, name), lost))).code).toBe('TENSOR_MISSING');
    }
    expect(await all(folder)).toEqual(['empty']);
  });

  it('is one run’s from the beginning', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'empty'));
    for (const name of ['out', 'empty']) {
      const out = join(folder, name);
      const first = await FolderOutput.claim(out);
      expect(await failure(FolderOutput.claim(out))).toMatchObject({ code: 'OUTPUT_BUSY', where: out });
      // A folder that appears meanwhile is no way around it.
      await mkdir(out, { recursive: true });
      expect((await failure(FolderOutput.claim(out))).code).toBe('OUTPUT_BUSY');
      await first.abandon();
      await (await FolderOutput.claim(out)).abandon();
      expect(await all(out)).toEqual([]);
    }
  });

  it('goes into an empty folder that is there, which stays the same', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'real', 'lost+found'), { recursive: true });
    await symlink('real', join(folder, 'link'));
    const before = statSync(join(folder, 'real')).ino;
    await createFolder(join(folder, 'link'), fill);
    expect(await all(join(folder, 'real'))).toEqual([
      ...filled.slice(0, 1),
      'lost+found',
      ...filled.slice(1),
    ]);
    expect(statSync(join(folder, 'real')).ino).toBe(before);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
  });

  it('is kept beside its place if something appears there meanwhile', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    const error = await failure(
      createFolder(out, async (directory) => {
        await fill(directory);
        await mkdir(out);
        await writeFile(join(out, 'mine'), 'mine');
      }),
    );
    expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', where: out });
    const kept = /kept as (.*)\.$/.exec(error.message)![1]!;
    expect(basename(kept)).toBe('out');
    expect(await all(kept)).toEqual(filled);
    expect(await all(out)).toEqual(['mine']);
    // It is nobody's leftover.
    await (await FolderOutput.claim(join(folder, 'other'))).abandon();
    expect(await all(kept)).toEqual(filled);
  });

  it.each([
    ['a file', 'file', 'OUTPUT_EXISTS'],
    ['a folder with something in it', '.', 'OUTPUT_EXISTS'],
    ['a link to nothing', 'dangling', 'OUTPUT_EXISTS'],
    ['a loop of links', 'loop', 'WRITE_FAILED'],
    ['a path below a file', 'file/out', 'WRITE_FAILED'],
    ['a name too long', 'x'.repeat(256), 'WRITE_FAILED'],
    ['a folder with a name too long', `${'x'.repeat(256)}/out`, 'WRITE_FAILED'],
  ])('is refused at once: %s', async (_, name, code) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    await symlink('nowhere', join(folder, 'dangling'));
    await symlink('loop', join(folder, 'loop'));
    const before = await all(folder);
    expect((await failure(FolderOutput.claim(join(folder, name)))).code).toBe(code);
    expect(await all(folder)).toEqual(before);
  });

  it('may have the longest name there is', async () => {
    const folder = await temporaryFolder();
    await createFolder(join(folder, 'ü'.repeat(127)), fill);
    expect(await all(join(folder, 'ü'.repeat(127)))).toEqual(filled);
  });

  it('replaces one of the same kind when it is told to, and nothing else', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    await mkdir(out);
    await writeFile(join(out, 'model.safetensors'), 'old');
    const isOwn = async (path: string) => existsSync(join(path, 'own'));
    expect((await failure(FolderOutput.claim(out, { force: true, isOwn }))).code).toBe('OUTPUT_EXISTS');
    await writeFile(join(out, 'own'), '');
    expect((await failure(FolderOutput.claim(out, { isOwn }))).code).toBe('OUTPUT_EXISTS');
    const abandoned = await FolderOutput.claim(out, { force: true, isOwn });
    await abandoned.abandon();
    expect(await all(out)).toEqual(['model.safetensors', 'own']);
    await createFolder(await FolderOutput.claim(out, { force: true, isOwn }), fill);
    expect(await all(out)).toEqual(filled);
    expect(await all(folder)).toEqual(['out', ...filled.map((name) => `out/${name}`)]);
  });
});

/** A process that claims a folder, fills it, makes as many moves as it is told, and is killed. */
const script = `
  import { readdirSync, renameSync, writeFileSync } from 'node:fs';
  import { join } from 'node:path';
  const { FolderOutput } = await import(process.argv[1]);
  const [out, moves] = [process.argv[2], Number(process.argv[3])];
  const output = await FolderOutput.claim(out, { force: true, isOwn: async () => true });
  for (const name of ['a', 'b', 'config.json']) writeFileSync(join(output.path, name), 'half');
  const old = readdirSync(out, { withFileTypes: true }).filter((one) => one.name.startsWith('old-'));
  const staging = join(output.path, '..');
  writeFileSync(join(staging, 'moves.json'), JSON.stringify({ come: ['a', 'b', 'config.json'], go: old.map((one) => one.name) }));
  const all = [
    ...old.map(({ name }) => [join(out, name), join(staging, 'old', name)]),
    ...['a', 'b', 'config.json'].map((name) => [join(output.path, name), join(out, name)]),
  ];
  (await import('node:fs')).mkdirSync(join(staging, 'old'));
  for (const [from, to] of all.slice(0, moves)) renameSync(from, to);
  process.kill(process.pid, 'SIGKILL');
`;
const module = new URL('./folder-output.js', import.meta.url).href;
const killedAfter = (out: string, moves: number) =>
  spawnSync(process.execPath, ['--input-type=module', '--eval', script, module, out, String(moves)]).signal;

describe('what a killed run left', () => {
  it('is removed by the next, which tells, whatever it writes in the same place', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'one'));
    expect(killedAfter(join(folder, 'one'), 0)).toBe('SIGKILL');
    await mkdir(join(folder, 'one.partial-123'));
    await mkdir(join(folder, 'other.partial-backup'));
    const told: string[] = [];
    const progress = (event: ProgressEvent) => event.type === 'warning' && told.push(event.message);
    await (await FolderOutput.claim(join(folder, 'one'), { progress })).abandon();
    expect(told).toEqual([
      expect.stringMatching(
        /^Removed .*\.moepress\.partial-\w{6} \(\d+ bytes\), which an interrupted run had left/,
      ),
    ]);
    // Of other programs, or of a moepress that went by process ids.
    expect(await all(folder)).toEqual(['one', 'one.partial-123', 'other.partial-backup']);
  });

  it.each([1, 2, 3])('is taken back where %d of its three files had been moved', async (moves) => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    await mkdir(out);
    expect(killedAfter(out, moves)).toBe('SIGKILL');
    if (moves === 3) {
      expect((await failure(FolderOutput.claim(out))).code).toBe('OUTPUT_EXISTS');
      expect(await readFile(join(out, 'config.json'), 'utf8')).toBe('half');
      return;
    }
    await createFolder(out, fill);
    expect(await all(out)).toEqual(filled);
  });

  it.each([1, 2, 4])('is taken back where it was replacing others, after %d of five moves', async (moves) => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    await mkdir(out);
    for (const name of ['old-a', 'old-b']) writeFileSync(join(out, name), 'old');
    expect(killedAfter(out, moves)).toBe('SIGKILL');
    const isOwn = async () => true;
    await (await FolderOutput.claim(out, { force: true, isOwn })).abandon();
    expect(await all(out)).toEqual(['old-a', 'old-b']);
  });
});

describe.runIf(mayMount())('a mount point', () => {
  it('is filled, and is no full disk for its neighbour', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    await mkdir(out);
    mountAt(out, 200_000);
    await createFolder(out, fill);
    expect(await all(out)).toEqual(filled);
    expect(await all(folder)).toEqual(['out', ...filled.map((name) => `out/${name}`)]);
  });

  it('that is full is found so at once, and keeps nothing', async () => {
    const folder = await temporaryFolder();
    mountAt(folder, 100_000);
    const { bavail, bsize } = statfsSync(folder);
    writeFileSync(join(folder, 'filler'), Buffer.alloc(bavail * bsize));
    for (const name of ['out', 'deep/out']) {
      expect((await failure(FolderOutput.claim(join(folder, name)))).code).toBe('DISK_FULL');
    }
    expect(await all(folder)).toEqual(['filler']);
  });

  it('may lie in a folder that takes nothing', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'out');
    await mkdir(out);
    mountAt(out, 200_000);
    const { execFileSync } = await import('node:child_process');
    execFileSync('mount', ['--bind', folder, folder]);
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', folder]);
      expect((await failure(FolderOutput.claim(join(folder, 'new')))).code).toBe('WRITE_FAILED');
    } finally {
      execFileSync('umount', ['-l', folder]);
    }
  });
});
