import { createHash, randomBytes } from 'node:crypto';
import {
  appendFile,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { createRng, type ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { FileDigests } from './file-digests.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A folder with a file of random bytes, and another for what is known. */
async function startFile(size = 5000) {
  const folder = await temporaryFolder();
  const [file, known] = [join(folder, 'file'), join(folder, 'known')];
  await writeFile(file, randomBytes(size));
  return { folder, file, known };
}

/** Asks for the digest of a file, and tells how many bytes were read for it. */
async function ask(known: string | null, file: string) {
  const events: ProgressEvent[] = [];
  const digested = await new FileDigests(known).of([file], { progress: (event) => events.push(event) });
  const read = events.reduce((sum, event) => (event.type === 'start' ? sum + event.total : sum), 0);
  const warnings = events.filter(({ type }) => type === 'warning').length;
  return { ...digested, digest: digested.digests.get(file), read, warnings };
}

/** Writes one byte in place. */
async function writeByte(file: string, position: number, value: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Uint8Array.of(value), 0, 1, position);
  await handle.close();
}

describe('FileDigests', () => {
  it.each([0, 1, 5000, 3 * 1024 * 1024 + 1, 40 * 1024 * 1024])('hashes %i bytes', async (size) => {
    const { file, known } = await startFile(size);
    expect(await ask(known, file)).toMatchObject({ digest: sha256(await readFile(file)), read: size });
  });

  it('reads a file once, whichever way it is reached', async () => {
    const { folder, file, known } = await startFile();
    const { digest } = await ask(known, file);
    await symlink(file, join(folder, 'link'));
    expect(await ask(known, file)).toMatchObject({ digest, read: 0 });
    expect(await ask(known, join(folder, 'link'))).toMatchObject({ digest, read: 0 });
  });

  const changes: [string, (file: string) => Promise<unknown>][] = [
    ['a byte was written in place', (file) => writeByte(file, 2500, 7)],
    [
      'a byte was written and the time set back',
      async (file) => {
        const { atime, mtime } = await stat(file);
        await writeByte(file, 2500, 7);
        await utimes(file, atime, mtime);
      },
    ],
    ['it grew', (file) => appendFile(file, 'x')],
    [
      'another took its place',
      async (file) => {
        await copyFile(file, `${file}.new`);
        await writeByte(`${file}.new`, 2500, 7);
        await rename(`${file}.new`, file);
      },
    ],
  ];
  it.each(changes)('reads a file again when %s', async (_, change) => {
    const { file, known } = await startFile();
    await writeByte(file, 2500, 0);
    const before = await ask(known, file);
    await change(file);
    const after = await ask(known, file);
    expect(after.digest).toBe(sha256(await readFile(file)));
    expect(after.digest).not.toBe(before.digest);
    expect(await failure(before.checkUnchanged())).toMatchObject({ code: 'CHECKPOINT_CHANGED', where: file });
    await after.checkUnchanged();
  });

  it('finds every changed byte, written in place or into a copy, with the old time and without', async () => {
    const { file, known } = await startFile();
    const rng = createRng(7);
    const seen = new Set([(await ask(known, file)).digest]);
    for (let edit = 0; edit < 12; edit++) {
      const { atime, mtime } = await stat(file);
      const target = edit % 2 === 0 ? file : `${file}.new`;
      if (target !== file) await copyFile(file, target);
      const at = Math.floor(rng.next() * 5000);
      await writeByte(target, at, (await readFile(file))[at]! ^ 1);
      if (target !== file) await rename(target, file);
      if (edit % 4 > 1) await utimes(file, atime, mtime);
      const after = await ask(known, file);
      expect(after).toMatchObject({ digest: sha256(await readFile(file)), read: 5000 });
      expect(await ask(known, file)).toMatchObject({ digest: after.digest, read: 0 });
      seen.add(after.digest);
    }
    expect(seen.size).toBe(13);
  });

  it('does not believe a record that is damaged or about another file', async () => {
    const { file, known } = await startFile();
    const { digest } = await ask(known, file);
    const [name] = await readdir(known);
    const path = join(known, name!);
    const record = JSON.parse(await readFile(path, 'utf8'));
    const wrong = [{ ...record, version: 2 }, { ...record, path: '/other' }, { ...record, sha256: 'x' }, []];
    for (const text of ['{', ...wrong.map((one) => JSON.stringify(one))]) {
      await writeFile(path, text);
      expect(await ask(known, file)).toMatchObject({ digest, read: 5000 });
    }
  });

  it('believes the Hub cache at first sight, and looks at what was changed there', async () => {
    const folder = await temporaryFolder();
    const blobs = join(folder, 'models--org--name', 'blobs');
    await mkdir(blobs, { recursive: true });
    const bytes = randomBytes(5000);
    const blob = join(blobs, sha256(bytes));
    await writeFile(blob, bytes);
    const link = join(folder, 'model.safetensors');
    await symlink(blob, link);
    const known = join(folder, 'known');
    expect(await ask(known, link)).toMatchObject({ digest: sha256(bytes), read: 0 });
    await writeByte(blob, 0, bytes[0]! ^ 1);
    const after = await ask(known, link);
    expect(after).toMatchObject({ digest: sha256(await readFile(blob)), read: 5000 });
  });

  it('reads what only looks like a file of the Hub cache', async () => {
    const folder = await temporaryFolder();
    const bytes = randomBytes(50);
    for (const place of [
      join('models--a--b', 'blobs', '0'.repeat(40)),
      join('mine', 'blobs', '0'.repeat(64)),
    ]) {
      const file = join(folder, place);
      await mkdir(join(file, '..'), { recursive: true });
      await writeFile(file, bytes);
      expect(await ask(null, file)).toMatchObject({ digest: sha256(bytes), read: 50 });
    }
  });

  it('tells what is known without reading', async () => {
    const { file, known } = await startFile();
    const digests = new FileDigests(known);
    expect(await digests.known([file])).toBeNull();
    const { digest } = await ask(known, file);
    expect((await digests.known([file]))?.digests.get(file)).toBe(digest);
    await appendFile(file, 'x');
    expect(await digests.known([file])).toBeNull();
  });

  it('does its work where nothing can be kept, and warns', async () => {
    const { folder, file } = await startFile();
    await writeFile(join(folder, 'no-folder'), '');
    const { digest, warnings } = await ask(join(folder, 'no-folder'), file);
    expect([digest, warnings]).toEqual([sha256(await readFile(file)), 1]);
    expect((await readdir(folder)).sort()).toEqual(['file', 'no-folder']);
  });

  it('stops when told to, and says which file is not there', async () => {
    const { folder, file } = await startFile(70 * 1024 * 1024);
    const stop = new AbortController();
    const work = {
      signal: stop.signal,
      progress: (event: ProgressEvent) => event.type === 'advance' && stop.abort(),
    };
    expect((await failure(new FileDigests(null).of([file], work))).code).toBe('ABORTED');
    const absent = join(folder, 'absent');
    const error = await failure(new FileDigests(null).of([absent]));
    expect(error).toMatchObject({ code: 'CHECKPOINT_NOT_FOUND', where: absent });
  });
});
