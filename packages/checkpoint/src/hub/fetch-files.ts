import { MoepressError, throwIfAborted, type Work } from '@moepress/core';
import { checkSpace } from '../files/folders.js';
import { CachedRepository } from './cache.js';
import { type HubToken, offlineVariable, readHubEnvironment } from './environment.js';
import { asHubError } from './hub-errors.js';
import { type HubFile, type HubRepository, type RemoteFile, RemoteRepository } from './remote.js';
import { fetchFile } from './transfer.js';

/** Files of one commit, as they lie in the cache. */
export interface HubSnapshot {
  readonly directory: string;
  readonly commit: string;
  /** Paths of the wanted files, from `directory`, sorted. */
  readonly files: readonly string[];
}

/**
 * Brings the wanted files of a repository into the Hugging Face cache, all of them or none: what is
 * there already stays, what is missing is downloaded. The Hub, the token and the cache are those that
 * `HF_ENDPOINT`, `HF_TOKEN` and `HF_HOME` name. Without a network, or with `HF_HUB_OFFLINE`, the
 * files that the cache has of the revision are returned.
 *
 * Throws `HUB_NOT_FOUND`, `HUB_FORBIDDEN` and `HUB_UNREACHABLE`, whose `where` is the id if the whole
 * repository is meant, else `id/file`; `DISK_FULL`, `WRITE_FAILED`, `ABORTED`, and what `wanted` throws.
 */
export async function fetchHubFiles(
  repository: HubRepository,
  wanted: (file: HubFile) => boolean,
  { progress, signal }: Work = {},
): Promise<HubSnapshot> {
  const { id, revision } = repository;
  const environment = await readHubEnvironment();
  const cached = new CachedRepository(environment.cache, repository);
  const known = await cached.find(revision);
  const remote = new RemoteRepository(repository, environment, signal);
  try {
    const listing = environment.offline ? null : await list(remote, { ...environment, id }, known !== null);
    if (listing) {
      const { commit } = listing;
      const files = listing.files.filter(wanted);
      await complete({ ...environment, id, commit, remote, cached }, files, { progress, signal });
      await cached.remember(revision, commit);
      return snapshotOf(cached, commit, files);
    }
    if (known === null) throw offline(repository);
    return snapshotOf(cached, known, (await cached.files(known)).filter(wanted));
  } catch (cause) {
    throwIfAborted(signal);
    throw asHubError(cause, id, environment.token);
  }
}

interface Listing {
  readonly commit: string;
  readonly files: readonly RemoteFile[];
}

/** What the revision holds now; null if the Hub cannot be reached and need not be. */
async function list(
  remote: RemoteRepository,
  { id, token }: Pick<Copy, 'id' | 'token'>,
  dispensable: boolean,
): Promise<Listing | null> {
  try {
    const commit = await remote.commit();
    return { commit, files: await remote.list(commit) };
  } catch (cause) {
    if (dispensable && asHubError(cause, id, token).code === 'HUB_UNREACHABLE') return null;
    throw cause;
  }
}

function offline({ id, revision }: HubRepository): MoepressError {
  return new MoepressError('HUB_UNREACHABLE', {
    message: `${offlineVariable()} is set and revision ${revision} is not in the cache.`,
    where: id,
    hint: `Unset ${offlineVariable()} to download it.`,
  });
}

function snapshotOf(cached: CachedRepository, commit: string, files: readonly HubFile[]): HubSnapshot {
  return { directory: cached.snapshot(commit), commit, files: files.map(({ path }) => path).sort() };
}

/** A commit on both sides. */
interface Copy {
  readonly id: string;
  readonly token: HubToken | null;
  readonly commit: string;
  readonly remote: RemoteRepository;
  readonly cached: CachedRepository;
}

/** Files appear in the snapshot when the last has come, so that half a dataset is never taken for one. */
async function complete(copy: Copy, files: readonly RemoteFile[], work: Work): Promise<void> {
  const { commit, cached } = copy;
  const absent: RemoteFile[] = [];
  for (const file of files) if (!(await cached.has(commit, file.path))) absent.push(file);
  // A cache that has all of it may be one that this user cannot write.
  if (absent.length === 0 && (await cached.hasSnapshot(commit))) return;
  await cached.makeSnapshot(commit);
  await download(copy, absent, work);
  for (const { path, etag } of absent) await cached.link(commit, path, etag);
}

async function download(copy: Copy, files: readonly RemoteFile[], work: Work): Promise<void> {
  const { id, token, commit, remote, cached } = copy;
  // By etag, because files of the same content share a blob.
  const blobs = new Map<string, RemoteFile>();
  for (const file of files) if (!(await cached.hasBlob(file.etag))) blobs.set(file.etag, file);
  if (blobs.size === 0) return;
  const total = [...blobs.values()].reduce((sum, { size }) => sum + size, 0);
  await checkSpace(cached.snapshot(commit), total);
  const task = 'Downloading';
  work.progress?.({ type: 'start', task, total, unit: 'bytes' });
  let done = 0;
  for (const { path, size, sha256, etag } of blobs.values()) {
    const where = `${id}/${path}`;
    const open = (position: number) => remote.open(commit, path, position);
    const count = (bytes: number) => {
      done += bytes;
      work.progress?.({ type: 'advance', task, done, note: path });
    };
    try {
      await fetchFile({ where, path: cached.blob(etag), size, sha256, open }, count, work.signal);
    } catch (cause) {
      throw asHubError(cause, where, token);
    }
  }
  work.progress?.({ type: 'end', task });
}
