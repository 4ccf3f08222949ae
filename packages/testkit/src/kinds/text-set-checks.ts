import type { Plugin, TextColumn, TextSet } from '@moepress/core';
import { openDatasets } from '@moepress/harness';
import { type Check, type ConformanceOptions, hold, same } from '../checks/check.js';

/** Documents of a set that are looked at. */
const most = 64;

/** What must hold for the calibration sets of a plugin. */
export function textSetChecks({ calibrationSets = [] }: Plugin, options: ConformanceOptions): Check[] {
  return calibrationSets.map((set) => ({
    name: `${set.name}: gives the same texts again`,
    run: async () => {
      const [first, second] = [await read(set, options), await read(set, options)];
      hold(first.length > 0, `${set.name} gives no documents.`);
      const wrong = first.findIndex((document) => typeof document !== 'string' || document.trim() === '');
      hold(wrong < 0, `Document ${wrong} of ${set.name} is no text, or an empty one.`);
      same(first, second, `${set.name} gives other documents when it is read again.`);
    },
  }));
}

async function read(set: TextSet, { data }: ConformanceOptions): Promise<unknown[]> {
  const datasets = openDatasets({ data });
  const column = async ({ dataset, config, split, column: name }: TextColumn) => {
    const { rows } = await datasets.rows({ path: dataset, config, files: null }, split, { columns: [name] });
    return rows.map((row) => row[name]).filter((value) => typeof value === 'string');
  };
  const documents: unknown[] = [];
  for await (const document of await set.documents({ column })) {
    if (documents.push(document) === most) break;
  }
  return documents;
}
