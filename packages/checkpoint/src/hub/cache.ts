import { copyFile, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { MoepressError, shown } from '@moepress/core';
import { asWriteError } from '../files/file-errors.js';
import { makeFolders } from '../files/folders.js';
import { replaceFile } from '../files/replace-file.js';
import { unreachable } from './hub-errors.js';
import { type HubFile, type HubRepository, isCommit } from './remote.js';

/**
 * One repository in the Hugging Face cache, whose layout Python shares: `blobs/<etag>` hold the bytes,
 * `snapshots/<commit>/<file>` link to them, `refs/<revision>` hold commits.
 */
export class CachedRepository {
  readonly #id: string;
  readonly #folder: string;

  constructor(cache: string, { type, id }: HubRepository) {
    this.#id = id;
    this.#folder = join(cache, [`${type}s`, ...id.split('/')].join('--'));
  }

  snapshot(commit: string): string {
    return join(this.#folder, 'snapshots', commit);
  }

  /** Where the bytes of an etag are or go. */
  blob(etag: string): string {
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(etag)) throw this.#nonsense(etag);
    return join(this.#folder, 'blobs', etag);
  }

  /** The commit a branch, tag or commit was last known to be, if its snapshot is here; else null. */
  async find(revision: string): Promise<string | null> {
    const commit = isCommit(revision) ? revision : await readText(this.#ref(revision));
    return isCommit(commit) && (await exists(this.snapshot(commit))) ? commit : null;
  }

  /** Writes down what a revision stands for now, unless that is known; without it a cache that cannot be written serves too. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.#ref(revision);
    if ((await readText(path)) === commit) return;
    try {
      await makeFolder(dirname(path));
      await replaceFile(path, (file) => file.writeFile(commit));
    } catch (cause) {
      if (!MoepressError.isInstance(cause) || cause.code !== 'WRITE_FAILED') throw cause;
    }
  }

  async hasSnapshot(commit: string): Promise<boolean> {
    return exists(this.snapshot(commit));
  }

  async makeSnapshot(commit: string): Promise<void> {
    await makeFolder(this.snapshot(commit));
  }

  /** The files of a snapshot that are here. */
  async files(commit: string): Promise<HubFile[]> {
    const root = this.snapshot(commit);
    const found: HubFile[] = [];
    for (const name of await readdir(root, { recursive: true })) {
      const info = await stat(join(root, name)).catch(() => null);
      if (info?.isFile()) found.push({ path: name.split(sep).join('/'), size: info.size });
    }
    return found;
  }

  async has(commit: string, path: string): Promise<boolean> {
    return exists(this.#pointer(commit, path));
  }

  async hasBlob(etag: string): Promise<boolean> {
    return exists(this.blob(etag));
  }

  /** Puts a complete blob into a snapshot: a relative link, or a copy where links are not allowed. */
  async link(commit: string, path: string, etag: string): Promise<void> {
    const pointer = this.#pointer(commit, path);
    await makeFolder(dirname(pointer));
    const target = relative(dirname(pointer), this.blob(etag));
    try {
      await symlink(target, pointer).catch(async (cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'EEXIST') await copyFile(this.blob(etag), pointer);
      });
    } catch (cause) {
      throw unwritable(cause, pointer);
    }
  }

  #ref(revision: string): string {
    if (staysInside(revision)) return join(this.#folder, 'refs', revision);
    throw new MoepressError('HUB_NOT_FOUND', {
      message: `${shown(revision)} is not a valid revision.`,
      where: this.#id,
    });
  }

  #pointer(commit: string, path: string): string {
    if (!staysInside(path)) throw this.#nonsense(path);
    return join(this.snapshot(commit), path);
  }

  #nonsense(name: string): MoepressError {
    return unreachable(`The Hub lists ${shown(name)}, which cannot be the name of a file`, this.#id);
  }
}

/** Characters of a path, as systems allow them. */
const maxPath = 1024;

/** Parts of paths that are no names. */
const isNowhere = (part: string) => part === '' || part === '.' || part === '..';

/** Revisions and files may hold slashes, as `refs/pr/1` does, but must stay in their folder. */
function staysInside(path: string): boolean {
  return path.length <= maxPath && /^[^\\:\0]+$/.test(path) && !path.split('/').some(isNowhere);
}

/** Empty if there is no such file. */
async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path);
  } catch (cause) {
    throw unwritable(cause, path);
  }
}

/** That a file of the cache cannot be written, which is not where the user wants a result. */
export function unwritable(cause: unknown, path: string): MoepressError {
  const error = asWriteError(cause, path);
  if (error.code !== 'WRITE_FAILED') return error;
  const hint = 'Check the permissions of the Hugging Face cache, or choose another with HF_HUB_CACHE.';
  return new MoepressError(error.code, { message: error.message, where: path, hint, cause });
}
