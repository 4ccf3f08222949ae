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
    for (const isPart of layouts(dataset, split)) {
      for (const revision of revisions) {
        const found = await fetchSplit(dataset, isPart, revision, work);
        if (found === null) continue;
        return 'missing' in found ? found : readFiles(dataset, found, work);
      }
    }
    return { missing: 'the Hub has no Parquet files of it' };
  },
};

/** The files of a split in the cache; null if the Hub has none in this revision. */
async function fetchSplit(
  { path: id }: Dataset,
  isPart: (file: string) => boolean,
  revision: string,
  work: Work,
): Promise<HubSnapshot | Missing | null> {
  // Loaded only when asked for: the library of the Hub is large.
  const { fetchHubFiles } = await import('@moepress/checkpoint/hub');
  const isWanted = (file: { path: string; size: number }) => {
    if (!isPart(file.path)) return false;
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

/** Which files may be a split, the likeliest first. */
function layouts({ path: id, config, hubFiles }: Dataset, split: string): ((file: string) => boolean)[] {
  if (hubFiles) return [(file) => hubFiles[split] === file];
  const folders = config === 'default' ? ['default', 'data'] : [config];
  const named = (file: string) => folders.some((folder) => partFolder(file, split) === folder);
  return config === 'default' ? [named, ofOnlyFolder(id, split)] : [named];
}

/** The folder of a path such as main/test-00000-of-00001.parquet, or main/test/0000.parquet in a conversion. */
function partFolder(file: string, split: string): string | null {
  const [, folder, name] = /^(.+?)\/([^/]+?)(-\d+-of-\d+|\/[^/]+)?\.parquet$/.exec(file) ?? [];
  return name === split ? folder! : null;
}

/** A dataset without a configuration of its own means the only one there is, whatever it is called. */
function ofOnlyFolder(id: string, split: string): (file: string) => boolean {
  let only: string | null = null;
  return (file) => {
    const folder = partFolder(file, split);
    if (folder === null) return false;
    only ??= folder;
    if (folder === only) return true;
    throw new MoepressError('DATASET_INVALID', {
      message: `The dataset has several configurations, such as ${only} and ${folder}, and none is named.`,
      where: id,
      mend: 'Name the one that is meant.',
    });
  };
}

async function readFiles(dataset: Dataset, { directory, files }: HubSnapshot, work: Work): Promise<Rows> {
  const parts: Row[][] = [];
  for (const file of files) parts.push(await readRows(join(directory, file), work));
  return { rows: parts.flat(), where: `${dataset.path}/${files.join(', ')}` };
}
