import { MoepressError } from '@moepress/core';
import type { Dataset, LoadOptions, Rows } from './dataset.js';
import { embeddedFolder, mirrorFolder, mirrorPath, namedFiles } from './folder.js';
import { hubSource } from './hub.js';

export interface DatasetOptions {
  /** Folder that mirrors Hub datasets as `<dataset>/<config>/<split>.{parquet,jsonl,jsonl.gz}`. */
  readonly data?: string | undefined;
  /** Folder of the embedded datasets: the one that holds `heldout.txt` and `tasks/`. */
  readonly embedded?: string | undefined;
}

export interface Datasets {
  /** Throws `DATASET_NOT_FOUND` saying where the split was looked for, `DATASET_INVALID` if it is damaged. */
  rows(dataset: Dataset, split: string, options?: LoadOptions): Promise<Rows>;
}

/** Looks in the user's folder first, then in the Hub; embedded datasets are read only from their own folder. */
export function openDatasets({ data, embedded }: DatasetOptions = {}): Datasets {
  const hubSources = data === undefined ? [hubSource] : [mirrorFolder(data), hubSource];
  const embeddedSources = embedded === undefined ? [] : [embeddedFolder(embedded)];
  return {
    async rows(dataset, split, options) {
      const reasons: string[] = [];
      const named = dataset.folder === undefined ? embeddedSources : [namedFiles(dataset.folder)];
      for (const source of dataset.files ? named : hubSources) {
        const found = await source.load(dataset, split, options);
        if ('rows' in found) return found;
        reasons.push(found.missing);
      }
      throw notFound(dataset, split, reasons, data);
    },
  };
}

function notFound(
  dataset: Dataset,
  split: string,
  reasons: readonly string[],
  data: string | undefined,
): MoepressError {
  const name = dataset.files?.[split] ?? `${dataset.path} (${dataset.config})`;
  const why = reasons.length > 0 ? reasons.join('; ') : 'no folder of embedded datasets was given';
  return new MoepressError('DATASET_NOT_FOUND', {
    message: `Split ${split} of ${name} was not found: ${why}.`,
    where: dataset.path,
    hint:
      dataset.folder !== undefined
        ? 'Put the file beside the task file.'
        : dataset.files
          ? 'Install @moepress/tiny, which brings the embedded tasks.'
          : `Put the split at ${mirrorPath(data ?? '<dir>', dataset.path, dataset.config, split)} and give \`data\` ${data ?? '<dir>'}, or connect to the Hub.`,
  });
}
