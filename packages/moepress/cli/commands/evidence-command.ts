import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MoepressError } from '@moepress/core';
import {
  EvidenceStore,
  type LayerReport,
  readEvidence,
  readMeasured,
  reportLayers,
  type StoredEvidence,
} from '@moepress/runtime';
import { formatBytes, formatCount, formatPercent } from '../../src/format.js';
import { everyLeftover, type Left, ofStore } from '../../src/statistics/leftovers.js';
import { jsonOption, minTokensOption } from '../command-options.js';
import type { Context, Define } from '../context.js';
import { path } from '../option-values.js';
import { formatTable } from '../text/table.js';

interface EvidenceFlags {
  /** Experts that saw fewer tokens are counted as scarce. */
  readonly minTokens: number;
  /** Removes what killed runs left. */
  readonly clear?: boolean;
}

export const define: Define = (command, context) =>
  command
    .argument('[dir]', 'a store, or the folder of one statistic in it (default: the cache)', path)
    .option('--clear', 'remove the scratch files and training states of runs that were killed')
    .addOption(minTokensOption())
    .addOption(jsonOption())
    .action(async (dir, flags) => evidence(dir, flags, await context({})));

/**
 * Shows what a store holds; for the folder of one statistic, what all evidence of that model and calibration set says
 * about the experts.
 */
async function evidence(dir: string | undefined, options: EvidenceFlags, context: Context): Promise<void> {
  if (dir !== undefined) await checkFolder(dir);
  const one = dir === undefined ? null : await readEvidence(resolve(dir));
  if (one) return showExperts(one, options, context);
  const store = new EvidenceStore(dir && resolve(dir));
  // Runs and temporary folders have places of their own, which belong to the default store.
  const kept = dir === undefined ? everyLeftover : ofStore;
  if (options.clear) clearLeftovers(await kept.clear(store), context);
  else await showStore(store, await kept.list(store), context);
}

async function checkFolder(dir: string): Promise<void> {
  const info = await stat(dir).catch(() => null);
  if (info?.isDirectory()) return;
  throw new MoepressError('INPUT_INVALID', {
    message: 'The folder does not exist.',
    where: dir,
    hint: 'Give the folder of a store or of one statistic, or nothing for the default store.',
  });
}

async function showStore(store: EvidenceStore, left: readonly Left[], context: Context): Promise<void> {
  const stored = await store.list();
  const rows = stored.map(({ folder, record, bytes }) => [
    record.model.id,
    `${record.calibration.source} (${formatCount(record.calibration.tokens)} tokens)`,
    `${record.statistic.name} ${record.statistic.version}`,
    `${record.layers.complete.length}/${record.layers.expected.length}`,
    formatBytes(bytes),
    folder.slice(store.root.length + 1),
  ]);
  const columns = ['model', 'calibration', 'statistic', 'layers', 'size', 'folder'].map((title) => ({
    title,
  }));
  const text =
    rows.length === 0
      ? `There is no evidence in ${store.root}.`
      : `${store.root}\n\n${formatTable(columns, rows)}`;
  context.print([text, ...leftText(left)].join('\n\n'), {
    root: store.root,
    leftovers: left,
    evidence: stored.map(({ folder, record, bytes }) => ({ folder, bytes, ...record })),
  });
}

function clearLeftovers(left: readonly Left[], { print }: Context): void {
  const bytes = left.reduce((sum, one) => sum + one.bytes, 0);
  const text = [
    left.length === 0 ? 'There was nothing to remove.' : `Removed ${formatBytes(bytes)}:`,
    ...left.map(({ what, folder }) => `  ${what}: ${folder}`),
  ];
  print(text.join('\n'), { removed: left });
}

async function showExperts(
  one: StoredEvidence,
  { minTokens }: EvidenceFlags,
  context: Context,
): Promise<void> {
  const { model, calibration } = one.record;
  const all = await new EvidenceStore(dirname(one.folder)).list();
  const related = all.filter(
    ({ record }) => record.model.identity === model.identity && record.calibration.hash === calibration.hash,
  );
  const layers = reportLayers(await readMeasured(related), minTokens);
  const statistics = related.map(({ record }) => record.statistic.name).sort();
  const text = [
    `${model.id} (${model.architecture}) on ${calibration.source}: ${formatCount(calibration.tokens)} tokens`,
    `measured: ${statistics.join(', ')}`,
    '',
    formatTable(
      [
        { title: 'layer', align: 'right' },
        { title: 'tokens: min', align: 'right' },
        { title: 'median', align: 'right' },
        { title: 'max', align: 'right' },
        { title: 'dead', align: 'right' },
        { title: `below ${minTokens}`, align: 'right' },
        { title: 'capability', align: 'right' },
        { title: 'most of it in' },
      ],
      layers.map(cells),
    ),
  ].join('\n');
  context.print(text, { model, calibration, statistics, minTokens, layers });
}

function cells({ layer, tokens, capability }: LayerReport): string[] {
  const counts = tokens
    ? [tokens.min, tokens.median, tokens.max, tokens.dead.length, tokens.scarce.length].map(String)
    : ['-', '-', '-', '-', '-'];
  const top = capability?.top.map(({ expert, share }) => `${expert} (${formatPercent(share)})`).join(', ');
  return [String(layer), ...counts, capability ? formatPercent(capability.share) : '-', top ?? '-'];
}

const states = new Map<boolean | null, string>([
  [true, 'a run is using it'],
  [false, 'left by a run that ended'],
  [null, 'unknown: the disk does not support file locks'],
]);

/** Lines for people; empty if there is nothing to show. */
export function leftText(left: readonly Left[]): string[] {
  if (left.length === 0) return [];
  const rows = left.map(({ what, bytes, isUsed, folder }) => [
    what,
    formatBytes(bytes),
    states.get(isUsed)!,
    folder,
  ]);
  const columns = ['for', 'size', 'state', 'folder'].map((title) => ({ title }));
  return [
    `Runs that are not complete; to continue one that ended, run its command again; --clear removes it:\n\n${formatTable(columns, rows)}`,
  ];
}
