import { lstat, mkdir, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { MoepressError } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import { makeFolders } from '../files/folders.js';
import { openPartial } from '../files/replace-file.js';

/** What is at an output path: nothing, a file or a folder, links followed. `path` has none but perhaps its last part. */
export interface Place {
  readonly path: string;
  readonly kind: 'nothing' | 'file' | 'folder';
}

/** Bytes written to see that the disk takes some: a block of most file systems, none of which is kept in an inode. */
export const probeBytes = 4096;

/**
 * Looks at an output path. Throws `OUTPUT_EXISTS` for what is neither file nor folder, as a link to nothing or a device,
 * and `WRITE_FAILED` for a path that cannot be, as of too long a name or through a loop of links.
 */
export async function lookAt(out: string): Promise<Place> {
  const path = resolve(out);
  const own = await present(path);
  if (own === null) return { path, kind: 'nothing' };
  const real = await realpath(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw asWriteError(cause, path);
    throw occupied('There is a link at the output path that leads to nothing', path);
  });
  const info = await stat(real);
  if (info.isDirectory()) return { path: real, kind: 'folder' };
  if (info.isFile()) return { path: real, kind: 'file' };
  throw occupied('The output path is neither a file nor a folder', path);
}

export const occupied = (problem: string, where: string, hint?: string): MoepressError =>
  new MoepressError('OUTPUT_EXISTS', { message: `${problem}.`, where, hint });

/** Null if nothing is there. */
async function present(path: string) {
  try {
    return await lstat(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw asWriteError(cause, path);
  }
}

/** Folders that were made for an output, to be taken back if it does not come. */
export interface MadeFolders {
  /** The folder, links resolved. */
  readonly path: string;
  /** Removes those that are empty. */
  takeBack(): Promise<void>;
}

/** Makes a folder and those it lies in. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function makeOutputFolder(folder: string): Promise<MadeFolders> {
  const missing: string[] = [];
  for (let at = resolve(folder); (await present(at)) === null && dirname(at) !== at; at = dirname(at)) {
    missing.push(at);
  }
  try {
    await makeFolders(folder);
  } catch (cause) {
    await takeBack(missing);
    throw cause;
  }
  return { path: await realpath(folder), takeBack: () => takeBack(missing) };
}

async function takeBack(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => {});
}

/**
 * Makes sure that files can be written in a folder, whether it is there or would have to be made, by writing one where
 * it goes or as near as there is a folder; nothing is left. Throws `DISK_FULL` or `WRITE_FAILED`.
 */
export async function checkWritable(folder: string): Promise<void> {
  const at = resolve(folder);
  const place = await lookAt(at).catch((cause) => {
    throw MoepressError.isInstance(cause) && cause.code === 'OUTPUT_EXISTS' ? notAFolder(at) : cause;
  });
  if (place.kind === 'file') throw notAFolder(at);
  if (place.kind === 'folder') return writeProbe(join(place.path, 'probe'));
  await checkWritable(dirname(at));
  await checkName(at);
}

const notAFolder = (where: string): MoepressError =>
  new MoepressError('WRITE_FAILED', {
    message: 'This is not a folder.',
    where,
    hint: 'Choose another output path.',
  });

/** What is to be made may have a name that the file system has no room for, which only trying tells. */
async function checkName(path: string): Promise<void> {
  const parent = await stat(dirname(path)).catch(() => null);
  if (!parent) {
    if (Buffer.byteLength(basename(path)) <= 255) return;
    throw asWriteError(new Error('ENAMETOOLONG: name too long'), path);
  }
  try {
    await mkdir(path);
    await rmdir(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw asWriteError(cause, path);
  }
}

/** Writes a block to a new file, and removes it; if this run is killed in between, the next one does. */
async function writeProbe(path: string): Promise<void> {
  try {
    const { partial, file } = await openPartial(path);
    try {
      await file.writeFile(Buffer.alloc(probeBytes));
      await file.datasync();
    } finally {
      await rm(partial, { force: true });
      await file.close();
    }
  } catch (cause) {
    throw asWriteError(cause, dirname(path));
  }
}
