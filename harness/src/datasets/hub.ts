import { join } from 'node:path';
import type { HubSnapshot } from '@moepress/checkpoint/hub';
import { MoepressError, type Work } from '@moepress/core';
import type { Dataset, DatasetSource, Missing, Row, Rows } from './dataset.js';
import { readRows } from './file.js';
import { checkSize } from './limits.js';

/** Where Parquet files are: in the repository itself, or where the Hub puts its own conversion of it. */
const revisions = ['main', 'refs/convert/parquet'];

/**
 * Datasets of the Hub, as Parquet unless they name their files. Throws what `fetchHubFiles` throws of files
 * that are there.
 */
export const hubSource: DatasetSource = {
  async load(dataset, split, work = {}) {
    for (const revision of revisions) {
      const found = await fetchSplit(dataset, split, revision, work);
      if (found === null) continue;
      return 'missing' in found ? found : readFiles(dataset, found, work);
    }
    return { missing: 'the Hub has no Parquet files of it' };
  },
};

/** The files of a split in the cache; null if the Hub has none in this revision. */
async function fetchSplit(
  { path: id, config, hubFiles }: Dataset,
  split: string,
  revision: string,
  work: Work,
): Promise<HubSnapshot | Missing | null> {
  // Loaded only when asked for: the library of the Hub is large.
  const { fetchHubFiles } = await import('@moepress/checkpoint/hub');
  const isWanted = (file: { path: string; size: number }) => {
    if (!(hubFiles ? hubFiles[split] === file.path : isPart(file.path, config, split))) return false;
    checkSize(file.size, `${id}/${file.path}`);
    return true;
  };
  try {
    const snapshot = await fetchHubFiles({ type: 'dataset', id, revision }, isWanted, work);
    return snapshot.files.length > 0 ? snapshot : null;
  } catch (cause) {
    // Another source may have what the Hub as a whole does not give; a file that fails is another matter.
    if (!MoepressError.isInstance(cause) || cause.where !== id) throw cause;
    if (cause.code === 'HUB_NOT_FOUND') return null;
    if (cause.code !== 'HUB_UNREACHABLE') throw cause;
    return { missing: cause.message.replace(/^The /, 'the ').replace(/\.$/, '') };
  }
}

/** Paths such as main/test-00000-of-00001.parquet, or ARC-Easy/test/0000.parquet in a conversion. */
function isPart(file: string, config: string, split: string): boolean {
  const prefixes = [`${config}/${split}`, ...(config === 'default' ? [`data/${split}`] : [])];
  const rest = /^(-\d+-of-\d+|\/[^/]+)?\.parquet$/;
  return prefixes.some((prefix) => file.startsWith(prefix) && rest.test(file.slice(prefix.length)));
}

async function readFiles(dataset: Dataset, { directory, files }: HubSnapshot, work: Work): Promise<Rows> {
  const parts: Row[][] = [];
  for (const file of files) parts.push(await readRows(join(directory, file), work));
  return { rows: parts.flat(), where: `${dataset.path}/${files.join(', ')}` };
}
