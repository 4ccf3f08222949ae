import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { datasetInfo, downloadFile, getHFHubCachePath, getRepoFolderName, listFiles } from '@huggingface/hub';
import { replaceFile } from '@moepress/checkpoint';
import { exists } from './exists.js';
import { checkSize } from './limits.js';

/** A revision of a dataset repository: its files, brought into the standard cache when asked for. */
export interface Snapshot {
  readonly files: readonly string[];
  /** Path of the local copy. */
  fetch(file: string): Promise<string>;
}

/**
 * The revision as the Hub has it now. The Hub is the one HF_ENDPOINT names, asked with HF_TOKEN. Copies
 * lie in the cache that HF_HOME names, laid out as the Python libraries do, so that each finds the
 * other's. Throws HubApiError if the Hub refuses, TypeError if it cannot be reached.
 */
export async function onlineSnapshot(
  name: string,
  revision: string,
  signal?: AbortSignal,
): Promise<Snapshot> {
  const hub = connection(signal);
  const { sha } = await datasetInfo({ name, revision, additionalFields: ['sha'], ...hub });
  if (!/^[0-9a-f]{40}$/.test(sha)) throw new TypeError(`"${sha}" is no commit`);
  const source = { repo: { type: 'dataset', name }, revision: sha, ...hub } as const;
  const files: string[] = [];
  for await (const entry of listFiles({ ...source, recursive: true })) {
    if (entry.type === 'file') files.push(entry.path);
  }
  const folder = cacheFolder(name);
  return {
    files,
    async fetch(file) {
      const target = path.join(folder, 'snapshots', sha, ...file.split('/'));
      if (await exists(target)) return target;
      const blob = await downloadFile({ ...source, path: file });
      if (!blob) throw new TypeError(`${file} has left the repository`);
      checkSize(blob.size, `${name}/${file}`);
      await save(target, new Uint8Array(await blob.arrayBuffer()));
      await save(path.join(folder, 'refs', ...revision.split('/')), sha);
      return target;
    },
  };
}

/** The revision as it was last fetched; null if it never was. Needs no network. */
export async function cachedSnapshot(name: string, revision: string): Promise<Snapshot | null> {
  const folder = cacheFolder(name);
  const sha = await readFile(path.join(folder, 'refs', ...revision.split('/')), 'utf8').catch(() => null);
  if (sha === null) return null;
  const root = path.join(folder, 'snapshots', path.basename(sha.trim()));
  const files = await readdir(root, { recursive: true }).catch(() => []);
  return {
    files: files.map((file) => file.split(path.sep).join('/')),
    fetch: async (file) => path.join(root, ...file.split('/')),
  };
}

function connection(signal: AbortSignal | undefined) {
  const { HF_ENDPOINT: hubUrl, HF_TOKEN: accessToken } = process.env;
  const request: typeof fetch = (url, init) => fetch(url, signal ? { ...init, signal } : init);
  return { fetch: request, ...(hubUrl && { hubUrl }), ...(accessToken && { accessToken }) };
}

function cacheFolder(name: string): string {
  return path.join(getHFHubCachePath(), getRepoFolderName({ type: 'dataset', name }));
}

async function save(target: string, data: string | Uint8Array): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  await replaceFile(target, (file) => file.writeFile(data));
}
