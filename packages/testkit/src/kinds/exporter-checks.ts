import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFloat32 } from '@moepress/checkpoint';
import { type Exporter, type Model, MoepressError, type Plugin, sha256 } from '@moepress/core';
import { type Check, type ConformanceOptions, frozen, hold, same } from '../checks/check.js';
import { openToy, temporaryFolder, toyNames } from '../toys/open-toys.js';

/** What must hold for the exporters of a plugin. */
export function exporterChecks(
  { exporters = [] }: Plugin,
  { models = toyNames }: ConformanceOptions,
): Check[] {
  return exporters.map((exporter) => ({
    name: `exporter ${exporter.name}: writes every toy that it takes, the same again`,
    run: async () => {
      const refused: string[] = [];
      for (const name of models) {
        const model = frozen(await openToy(name));
        const reason = refusal(exporter, model);
        if (reason !== null) {
          refused.push(`${name}: ${reason}`);
          continue;
        }
        const [first, second] = [await written(exporter, model), await written(exporter, model)];
        hold(first.length > 0, `Of the toy "${name}" nothing is written to path.`);
        same(first, second, `The toy "${name}" is written otherwise when it is written again.`);
      }
      hold(refused.length < models.length, `${exporter.name} refuses every toy. ${refused.join(' ')}`);
    },
  }));
}

/** Why an exporter does not take a model; null if it does. */
function refusal(exporter: Exporter, model: Model): string | null {
  try {
    exporter.check?.(model);
    return null;
  } catch (error) {
    if (MoepressError.isInstance(error)) return error.message;
    throw error;
  }
}

let exports = 0;

/** Names and hashes of what is written. */
async function written(exporter: Exporter, model: Model): Promise<(readonly [string, string])[]> {
  const folder = temporaryFolder(`exported-${++exports}`);
  await mkdir(folder, { recursive: true });
  try {
    const path = exporter.output === 'folder' ? folder : join(folder, 'file');
    await exporter.write({ model, plan: null, path, read: decodeFloat32 });
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(
      files
        .sort()
        .map(async (file) => [file.slice(folder.length), sha256(await readFile(file, 'latin1'))] as const),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
