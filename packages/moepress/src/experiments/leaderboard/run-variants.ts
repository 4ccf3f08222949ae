import { join } from 'node:path';
import { throwIfAborted, type Work } from '@moepress/core';
import { addressOf } from '../address.js';
import { mapConcurrent, serialQueue } from '../concurrency.js';
import { type Cell, cellFile, readCell } from './cell.js';
import { type CellOptions, type Decided, type FillOptions, scoreCell, viewOf } from './compute-cell.js';
import { fillDistributed, type Sharing } from './distributed.js';
import { rowOf, type Variant } from './variant.js';

export interface RunOptions extends Omit<CellOptions, 'asked'> {
  /** Variants scored at once. */
  readonly workers: number;
  /** Other machines to share the work with; null: none. */
  readonly sharing: Sharing | null;
  /** Called with all finished cells whenever there is one more; not called again before the last call has ended. */
  onCells(cells: readonly Cell[]): Promise<void>;
}

/** Plans and scores the missing cells. The cells are in the order of the variants. */
export async function runVariants(
  variants: readonly Variant[],
  options: RunOptions,
  work: Work,
): Promise<Cell[]> {
  const { out, sharing } = options;
  const asked = askedAddress(options);
  const cells = new Map<Variant, Cell>();
  for (const variant of variants) {
    const cell = await readCell(join(out, cellFile(variant.address, asked)), variant.address);
    if (cell !== null) cells.set(variant, cell);
  }
  const finished = () => variants.flatMap((variant) => cells.get(variant) ?? []);
  const { progress } = work;
  const task = 'Filling the leaderboard';
  progress?.({ type: 'start', task, total: variants.length, unit: 'models' });
  const publishing = serialQueue();
  const report = (note: string) => {
    progress?.({ type: 'advance', task, done: cells.size, note });
    return publishing(() => options.onCells(finished()));
  };
  await report('found');
  const filling: FillOptions = {
    ...options,
    asked,
    cells,
    async onCell(variant, cell) {
      cells.set(variant, cell);
      await report(`${cell.model} ${cell.method ?? 'original'}`);
    },
  };
  await (sharing ? fillDistributed(variants, sharing, filling, work) : fillAlone(variants, filling, work));
  progress?.({ type: 'end', task });
  return finished();
}

/** The location of the rows is ignored: machines have their mirrors of datasets in different folders. */
const askedAddress = ({ questions, compares, generation }: RunOptions) => {
  const { data: _, ...asked } = questions;
  return addressOf({ ...asked, ...(compares && { compares }), ...generation });
};

async function fillAlone(variants: readonly Variant[], filling: FillOptions, work: Work): Promise<void> {
  const { signal } = work;
  const known = new Set([...filling.cells].map(([variant, { decision }]) => `${rowOf(variant)} ${decision}`));
  const open = variants.filter((variant) => !filling.cells.has(variant));
  // All plans first: a method that cannot do what it is asked says so before hours of scoring. One after the
  // other: methods share what is measured, and measuring takes all threads.
  const decided: (readonly [Variant, Decided])[] = [];
  for (const variant of open) {
    throwIfAborted(signal);
    const one = await viewOf(variant, filling, work);
    const key = `${rowOf(variant)} ${one.decision}`;
    // Another seed that decides the same would give the same row.
    if (one.decision !== null && known.has(key)) continue;
    known.add(key);
    decided.push([variant, one]);
  }
  const workers = { workers: filling.workers, signal };
  await mapConcurrent(decided, workers, async ([variant, one], own) => {
    await filling.onCell(variant, await scoreCell(one, variant, filling, own.signal));
  });
}
