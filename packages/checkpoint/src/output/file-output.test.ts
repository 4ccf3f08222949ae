import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { FileOutput } from './file-output.js';
import { all, mayMount } from './support.test.util.js';

const isOwn = async (file: string) => (await readFile(file, 'utf8')).startsWith('ours');

async function write(out: string, text: string, options: { force?: boolean } = {}): Promise<void> {
  const output = await FileOutput.claim(out, { ...options, isOwn });
  await writeFile(output.path, text);
  await output.commit();
}

describe('a file that is written', () => {
  it('replaces its own kind and what is empty, and others only when it is told to', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'new', 'file');
    await write(file, 'ours 1');
    await write(file, 'ours 2');
    expect(await readFile(file, 'utf8')).toBe('ours 2');
    await writeFile(file, '');
    await write(file, 'ours 3');
    await writeFile(file, 'theirs');
    expect(await failure(write(file, 'ours'))).toMatchObject({
      code: 'OUTPUT_EXISTS',
      hint: expect.stringContaining('`force`'),
    });
    expect(await readFile(file, 'utf8')).toBe('theirs');
    await write(file, 'ours 4', { force: true });
    expect(await readFile(file, 'utf8')).toBe('ours 4');
    expect(await all(folder)).toEqual(['new', 'new/file']);
  });

  it('stays a link where it is one, and is not made where a link leads to nothing', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'real'), 'ours');
    await symlink('real', join(folder, 'link'));
    await symlink('nowhere', join(folder, 'dangling'));
    await write(join(folder, 'link'), 'ours, new');
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(await readFile(join(folder, 'real'), 'utf8')).toBe('ours, new');
    expect((await failure(write(join(folder, 'dangling'), 'ours'))).code).toBe('OUTPUT_EXISTS');
    expect(await all(folder)).toEqual(['dangling', 'link', 'real']);
  });

  it('is one run’s from the beginning, and leaves nothing when it is given up', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'deep', 'file');
    const first = await FileOutput.claim(out, { isOwn });
    expect((await failure(FileOutput.claim(out, { isOwn }))).code).toBe('OUTPUT_BUSY');
    await first.abandon();
    expect(await all(folder)).toEqual([]);
  });

  it('is kept beside its place if another appears there meanwhile', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'file');
    const output = await FileOutput.claim(out, { isOwn });
    await writeFile(output.path, 'ours');
    await writeFile(out, 'theirs');
    const error = await failure(output.commit());
    expect(error.code).toBe('OUTPUT_EXISTS');
    expect(await readFile(/kept as (.*)\.$/.exec(error.message)![1]!, 'utf8')).toBe('ours');
    expect(await readFile(out, 'utf8')).toBe('theirs');
  });

  it.each([
    ['a folder', '.', 'OUTPUT_EXISTS'],
    ['a device', '/dev/null', 'OUTPUT_EXISTS'],
    ['a path below a file', 'file/x', 'WRITE_FAILED'],
    ['a name too long', 'x'.repeat(256), 'WRITE_FAILED'],
  ])('is refused at once: %s', async (_, name, code) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'theirs');
    const path = name.startsWith('/') ? name : join(folder, name);
    expect((await failure(FileOutput.claim(path, { isOwn, force: true }))).code).toBe(code);
    expect(await all(folder)).toEqual(['file']);
  });

  it.runIf(mayMount())('is written in place where it is a mount point', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'real'), 'ours, and longer than what comes');
    await mkdir(join(folder, 'in'));
    await writeFile(join(folder, 'in', 'file'), '');
    execFileSync('mount', ['--bind', join(folder, 'real'), join(folder, 'in', 'file')]);
    try {
      await write(join(folder, 'in', 'file'), 'ours, new');
    } finally {
      execFileSync('umount', ['-l', join(folder, 'in', 'file')]);
    }
    expect(await readFile(join(folder, 'real'), 'utf8')).toBe('ours, new');
    expect(await all(folder)).toEqual(['in', 'in/file', 'real']);
  });
});
