import { runSweep } from '../../src/experiments/sweep/run-sweep.js';
import { ranked } from '../../src/experiments/sweep/sweep-measure.js';
import {
  type CacheFlags,
  cacheOf,
  type DeviceFlags,
  dataOption,
  deviceOption,
  evidenceOption,
  forceOption,
  gpuMemoryOption,
  jsonOption,
  memoryOption,
  noEvidenceOption,
  pluginOption,
  precisionOption,
  profileOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { count, path } from '../option-values.js';
import { sweepText } from '../text/sweep-text.js';

interface SweepFlags extends Pick<CacheFlags, 'evidence'>, DeviceFlags {
  readonly out: string;
  readonly data?: string;
  readonly workers?: number;
}

export const define: Define = (command, context) =>
  command
    .argument(
      '<grid>',
      'YAML: model, method, options with lists of values, and optionally calibration, tasks, by, best',
      path,
    )
    .requiredOption('--out <dir>', 'folder of the results; what is done there is not done again', path)
    .option('--workers <n>', 'configurations tried at once (default: one a core, or one on a device)', count)
    .addOption(dataOption())
    .addOption(evidenceOption())
    .addOption(noEvidenceOption())
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(memoryOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (grid, flags) => sweep(grid, flags, await context(flags)));

async function sweep(
  grid: string,
  { evidence, ...options }: SweepFlags,
  { work, plugins, print }: Context,
): Promise<void> {
  const cache = cacheOf({ ...(evidence !== undefined && { evidence }) });
  const table = await runSweep(grid, { ...options, cache, plugins, ...work });
  const { out, by, factors, entries, figures } = table;
  const files = figures.map((file) => `Figure: ${file}`);
  print([sweepText(table), '', ...files].join('\n'), {
    out,
    by: by.name,
    factors,
    entries: ranked(entries, by),
    figures,
  });
}
