import { copyFile, mkdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getRepoFolderName } from '@huggingface/hub';
import { MoepressError } from '@moepress/core';
import { replaceFile } from '../files/replace.js';

/**
 * One model in the Hugging Face cache, whose layout Python shares: `blobs/<etag>` hold the bytes,
 * `snapshots/<commit>/<file>` link to them, `refs/<revision>` hold commits.
 */
export class CachedRepository {
  readonly #folder: string;

  constructor(cache: string, id: string) {
    this.#folder = join(cache, getRepoFolderName({ type: 'model', name: id }));
  }

  snapshot(commit: string): string {
    return join(this.#folder, 'snapshots', checked(commit, /^[0-9a-f]{40}$/));
  }

  /** The etag of a file is its SHA-256 if it is large, else its git id. */
  blob(etag: string): string {
    return join(this.#folder, 'blobs', checked(etag, /^[0-9a-f]{40}([0-9a-f]{24})?$/));
  }

  /** The commit a branch, tag or commit was last known to be, if its snapshot is here; else null. */
  async find(revision: string): Promise<string | null> {
    const commit = isCommit(revision) ? revision : await readText(this.#ref(revision));
    return isCommit(commit) && (await exists(this.snapshot(commit))) ? commit : null;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.#ref(revision);
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, (file) => file.writeFile(commit));
  }

  async has(commit: string, name: string): Promise<boolean> {
    return exists(join(this.snapshot(commit), name));
  }

  /** Puts a complete blob into a snapshot: a relative link, or a copy where links are not allowed. */
  async link(commit: string, name: string, etag: string): Promise<void> {
    const pointer = join(this.snapshot(commit), name);
    await mkdir(dirname(pointer), { recursive: true });
    const target = relative(dirname(pointer), this.blob(etag));
    await symlink(target, pointer).catch(async (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') await copyFile(this.blob(etag), pointer);
    });
  }

  /** Revisions may hold slashes, as `refs/pr/1` does, but must stay in their folder. */
  #ref(revision: string): string {
    return join(this.#folder, 'refs', checked(revision, /^(?!.*(^|\/)(\.\.?)?(\/|$))[^\\:\0]+$/));
  }
}

function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** Empty if there is no such file. */
async function readText(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** What the network says becomes part of a path: only the expected form may. */
function checked(name: string, form: RegExp): string {
  if (form.test(name)) return name;
  throw new MoepressError('HUB_NOT_FOUND', {
    message: `${JSON.stringify(name)} is not a valid revision or file id.`,
    where: 'Hugging Face Hub',
  });
}
