import { mkdir } from 'node:fs/promises';
import { downloadFile, type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { throwIfAborted, type Work } from '@moepress/core';
import { checkSpace } from '../files/space.js';
import { isCompanion } from '../folder/companions.js';
import { indexFile, listShards, singleFile } from '../folder/weights.js';
import { CachedRepository } from './cache.js';
import { type HubEnvironment, readHubEnvironment } from './environment.js';
import { asHubError, unreachable } from './errors.js';
import { fetchFile } from './transfer.js';

export interface Snapshot {
  readonly directory: string;
  readonly commit: string;
}

/** One model at one commit, and how to ask for it. */
interface Remote {
  readonly id: string;
  readonly commit: string;
  readonly cached: CachedRepository;
  /** What every call of the Hub library takes. */
  readonly access: Access;
}

interface Access {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
}

/**
 * A Hub model as a folder in the Hugging Face cache, with what is missing downloaded: config, the
 * safetensors weights, tokenizer and card. Without a network the snapshot in the cache serves.
 *
 * Throws `HUB_NOT_FOUND`, `HUB_FORBIDDEN`, `HUB_UNREACHABLE`, `DISK_FULL`, `WRITE_FAILED`, `ABORTED`,
 * and what reading a sharded index throws.
 */
export async function openSnapshot(
  id: string,
  revision: string,
  { progress, signal }: Work,
): Promise<Snapshot> {
  const environment = await readHubEnvironment();
  const cached = new CachedRepository(environment.cache, id);
  const access = accessTo(environment, signal);
  const known = await cached.find(revision);
  try {
    const commit = environment.offline ? null : await askCommit(id, revision, access, known);
    if (commit === null) return fromCache(id, revision, cached, known);
    await complete({ id, commit, cached, access }, { progress, signal });
    await cached.remember(revision, commit);
    return { directory: cached.snapshot(commit), commit };
  } catch (cause) {
    throwIfAborted(signal);
    throw asHubError(cause, id);
  }
}

/** The commit a revision stands for now; null if the Hub cannot be reached but the cache has one. */
async function askCommit(
  id: string,
  revision: string,
  access: Access,
  known: string | null,
): Promise<string | null> {
  try {
    const { sha } = await modelInfo({ ...access, name: id, revision, additionalFields: ['sha'] });
    return sha;
  } catch (cause) {
    if (known !== null && asHubError(cause, id).code === 'HUB_UNREACHABLE') return null;
    throw cause;
  }
}

function fromCache(id: string, revision: string, cached: CachedRepository, known: string | null): Snapshot {
  if (known !== null) return { directory: cached.snapshot(known), commit: known };
  throw unreachable(`HF_HUB_OFFLINE is set and revision ${revision} is not in the cache`, id);
}

/** Downloads what the snapshot lacks: small files first, because the index names the large ones. */
async function complete(remote: Remote, work: Work): Promise<void> {
  const listed = new Map<string, ListFileEntry>();
  const { id, commit, cached, access } = remote;
  for await (const entry of listFiles({ ...access, repo: id, revision: commit })) {
    if (entry.type === 'file' && !/[/\\]/.test(entry.path)) listed.set(entry.path, entry);
  }
  const pick = (names: Iterable<string>) => [...names].flatMap((name) => listed.get(name) ?? []);
  await download(pick([...listed.keys()].filter(isSmall)), remote, work);
  const weights = listed.has(singleFile) ? [singleFile] : await listShards(cached.snapshot(commit));
  await download(pick(weights), remote, work);
}

function isSmall(name: string): boolean {
  return name === 'config.json' || name === 'README.md' || name === indexFile || isCompanion(name);
}

async function download(entries: readonly ListFileEntry[], remote: Remote, work: Work): Promise<void> {
  const { id, commit, cached } = remote;
  const missing: ListFileEntry[] = [];
  for (const entry of entries) if (!(await cached.has(commit, entry.path))) missing.push(entry);
  if (missing.length === 0) return;
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  await mkdir(cached.snapshot(commit), { recursive: true });
  await checkSpace(cached.snapshot(commit), total);
  const task = 'download';
  work.progress?.({ type: 'start', task, total, unit: 'bytes' });
  let done = 0;
  for (const { path, size, lfs, oid } of missing) {
    const etag = lfs?.oid ?? oid ?? '';
    const transfer = {
      where: `${id}/${path}`,
      path: cached.blob(etag),
      size,
      sha256: lfs?.oid ?? null,
      open: (position: number) => stream(remote, path, position),
    };
    await fetchFile(
      transfer,
      (bytes) => {
        done += bytes;
        work.progress?.({ type: 'advance', task, done, note: path });
      },
      work.signal,
    );
    await cached.link(commit, path, etag);
  }
  work.progress?.({ type: 'end', task });
}

async function stream({ id, commit, access }: Remote, path: string, position: number) {
  const blob = await downloadFile({ ...access, repo: id, path, revision: commit });
  if (!blob) throw unreachable('The Hub lists the file but does not have it', `${id}/${path}`);
  return blob.slice(position, blob.size).stream();
}

/** Adds token and abort signal to the requests of the Hub library; the token goes to the Hub alone. */
function accessTo({ endpoint, token }: HubEnvironment, signal: AbortSignal | undefined): Access {
  const { origin } = new URL(endpoint);
  return {
    hubUrl: endpoint,
    fetch: (input, init) => {
      const url = input instanceof Request ? input.url : input;
      const headers = new Headers(init?.headers);
      if (token && new URL(url).origin === origin) headers.set('Authorization', `Bearer ${token}`);
      const signals = [init?.signal, signal].filter((s) => s instanceof AbortSignal);
      return fetch(input, { ...init, headers, signal: AbortSignal.any(signals) });
    },
  };
}
