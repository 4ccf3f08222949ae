import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubSnapshot } from '@moepress/checkpoint/hub';
import { MoepressError, type Work } from '@moepress/core';
import { readCardConfigs } from './card.js';
import type { Dataset, DatasetSource, LoadOptions, Missing, Row, Rows } from './dataset.js';
import { readRows } from './file.js';
import { convertedFiles, filesOfSplit, type HubListing, type NoFiles, type SplitFiles } from './hub-files.js';
import { checkSize, maxBytes } from './limits.js';

/** The revision in which the Hub keeps its own conversion to Parquet. */
const conversion = 'refs/convert/parquet';

const cardFile = 'README.md';
const standaloneCard = '.huggingface.yaml';

/** A repository at one commit, with the sizes of its files in bytes. */
interface Repository extends HubListing {
  readonly commit: string;
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Datasets of the Hub: the files that the `datasets` library would take, else the Hub's conversion of them. Throws
 * the errors of `fetchHubFiles` for files that exist, and `DATASET_INVALID` for damaged or too large ones, or if
 * several configurations are possible.
 */
export const hubSource: DatasetSource = {
  async load(dataset, split, options = {}) {
    if (dataset.hubFiles) return loadNamed(dataset, split, options);
    const own = await openRepository(dataset, 'main', options);
    if (own && 'missing' in own) return own;
    const found = own
      ? filesOfSplit(dataset, split, own)
      : { missing: 'the Hub has no dataset of this name' };
    const isPossible = own && 'files' in found && (isParquet(found) || fits(found, own));
    if (isPossible) return loadFiles(dataset, own.commit, found, options);
    const converted = await openRepository(dataset, conversion, options);
    if (converted && !('missing' in converted)) {
      const files = convertedFiles(dataset, split, converted.paths);
      if (files.length > 0) return loadFiles(dataset, converted.commit, { files }, options);
    }
    // Also used for the error, if a file is too large.
    if (own && 'files' in found) return loadFiles(dataset, own.commit, found, options);
    return found as NoFiles;
  },
};

const isParquet = ({ files }: SplitFiles): boolean =>
  files.every((file) => /\.(parquet|geoparquet|gpq)$/.test(file));

const fits = ({ files }: SplitFiles, { sizes }: Repository): boolean =>
  files.every((file) => sizes.get(file)! <= maxBytes);

async function loadNamed(dataset: Dataset, split: string, options: LoadOptions): Promise<Rows | Missing> {
  const name = dataset.hubFiles![split];
  const repository = await openRepository(dataset, 'main', options);
  if (repository && 'missing' in repository) return repository;
  if (name === undefined || !repository?.paths.includes(name))
    return { missing: 'the Hub has no file of it' };
  return loadFiles(dataset, repository.commit, { files: [name] }, options);
}

/** The contents of a revision; null if the Hub has no such dataset or revision. */
async function openRepository(
  { path: id }: Dataset,
  revision: string,
  work: Work,
): Promise<Repository | Missing | null> {
  const sizes = new Map<string, number>();
  const list = (isWanted: (path: string) => boolean) =>
    fetchFiles(
      id,
      revision,
      (file) => {
        sizes.set(file.path, file.size);
        return isWanted(file.path);
      },
      work,
    );
  try {
    const isCard = (path: string) => path === cardFile || path === standaloneCard;
    // A card that cannot be read declares nothing.
    const snapshot = await list(isCard).catch((cause: unknown) =>
      isOf(cause, id) ? Promise.reject(cause) : list(() => false),
    );
    const read = (name: string) =>
      snapshot.files.includes(name)
        ? readFile(join(snapshot.directory, name), 'utf8').catch(() => null)
        : null;
    const configs = await readCardConfigs(await read(cardFile), await read(standaloneCard));
    if (configs === null) return { missing: 'the Hub has it, but the configs of its card make no sense' };
    return { commit: snapshot.commit, paths: [...sizes.keys()], sizes, configs };
  } catch (cause) {
    // If the Hub as a whole fails, another source may have the dataset; a single file that fails is an error.
    if (!isOf(cause, id)) throw cause;
    if (cause.code === 'HUB_NOT_FOUND') return null;
    if (cause.code !== 'HUB_UNREACHABLE') throw cause;
    return { missing: cause.message.replace(/^The /, 'the ').replace(/\.$/, '') };
  }
}

/** Whether the error concerns the repository as a whole, not one of its files. */
const isOf = (cause: unknown, id: string): cause is MoepressError =>
  MoepressError.isInstance(cause) && (cause.where === id || cause.code === 'ABORTED');

async function loadFiles(
  { path: id }: Dataset,
  commit: string,
  { files, separator, field }: SplitFiles,
  options: LoadOptions,
): Promise<Rows> {
  const { directory } = await fetchFiles(
    id,
    commit,
    ({ path, size }) => {
      if (!files.includes(path)) return false;
      checkSize(size, `${id}/${path}`);
      return true;
    },
    options,
  );
  const parts: Row[][] = [];
  for (const file of files) {
    parts.push(await readRows(join(directory, file), { ...options, separator, field, text: 'line' }));
  }
  return { rows: parts.flat(), where: `${id}/${files.join(', ')}` };
}

async function fetchFiles(
  id: string,
  revision: string,
  isWanted: (file: { path: string; size: number }) => boolean,
  work: Work,
): Promise<HubSnapshot> {
  // Loaded only when asked for: the library of the Hub is large.
  const { fetchHubFiles } = await import('@moepress/checkpoint/hub');
  return fetchHubFiles({ type: 'dataset', id, revision }, isWanted, work);
}
