import { access, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { DatasetSource } from './dataset.js';
import { dataExtensions, readRows } from './file.js';

/** Where a folder of datasets keeps a split: `<dataset>/<config>/<split>.{parquet,jsonl,jsonl.gz}`. */
export function mirrorPath(root: string, dataset: string, config: string, split: string): string {
  return path.join(root, dataset, config, `${split}.{${dataExtensions.join(',')}}`);
}

/** A folder that mirrors Hub datasets. */
export function mirrorFolder(root: string): DatasetSource {
  return {
    async load(dataset, split, options) {
      for (const extension of dataExtensions) {
        const file = path.join(root, dataset.path, dataset.config, `${split}.${extension}`);
        if (await exists(file)) return { rows: await readRows(file, options), where: file };
      }
      return { missing: `there is no ${mirrorPath(root, dataset.path, dataset.config, split)}` };
    },
  };
}

/** The folder with the files of the datasets that come with moepress. */
export function embeddedFolder(root: string): DatasetSource {
  return {
    async load({ files }, split, options) {
      const name = files?.[split];
      if (name === undefined) return { missing: `no file is named for split ${split}` };
      const file = path.join(root, name);
      return (await exists(file))
        ? { rows: await readRows(file, { ...options, text: 'paragraph' }), where: file }
        : { missing: `there is no ${file}` };
    },
  };
}

/** Files that a task file names, in the folder where it lies: links that lead elsewhere are not followed. */
export function namedFiles(root: string): DatasetSource {
  return {
    async load({ files }, split, options) {
      const name = files?.[split];
      if (name === undefined) return { missing: `no file is named for split ${split}` };
      const file = path.join(root, name);
      if (!(await exists(file))) return { missing: `there is no ${file}` };
      const inside = path.relative(await realpath(root), await realpath(file));
      const isInside = !inside.startsWith('..') && !path.isAbsolute(inside);
      return isInside
        ? { rows: await readRows(file, { ...options, text: 'line' }), where: file }
        : { missing: `${file} leads to another folder` };
    },
  };
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
