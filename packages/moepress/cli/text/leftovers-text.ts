import { formatBytes } from '../../src/format.js';
import type { Left } from '../../src/statistics/leftovers.js';
import { formatTable } from './table.js';

const states = new Map<boolean | null, string>([
  [true, 'a run is using it'],
  [false, 'left by a run that ended'],
  [null, 'nobody can tell: the disk keeps no locks'],
]);

/** For people; nothing if there is nothing. */
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
    `Runs that are not complete; those that ended go on when their command is run again, or --clear removes them:\n\n${formatTable(columns, rows)}`,
  ];
}
