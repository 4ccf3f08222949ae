import type { Row } from '../datasets/dataset.js';
import type { Datasets } from '../datasets/open.js';

/** Datasets held in memory, keyed by dataset path (or file name, for embedded ones) and split. */
export function memoryDatasets(splits: Readonly<Record<string, readonly Row[]>>): Datasets {
  return {
    async rows({ path, files }, split) {
      const key = files ? files[split]! : `${path}/${split}`;
      const rows = splits[key];
      if (!rows) throw new Error(`no rows under ${key}`);
      return { rows, where: key };
    },
  };
}
