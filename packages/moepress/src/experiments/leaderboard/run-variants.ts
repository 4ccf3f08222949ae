import { join } from 'node:path';
import { type Model, throwIfAborted } from '@moepress/core';
import type { Context } from '../../../cli/context.js';
import type { Questions } from '../../evaluation/local-evaluation.js';
import { type Cell, cellFile, readCell } from '../cell.js';
import { inLanes, oneAfterTheOther } from '../concurrency.js';
import { type ComputeOptions, scoreCell, viewOf } from './compute-cell.js';
import { fillTogether, type Sharing } from './distributed.js';
import { addressOf, type Variant } from './variant.js';

export interface RunOptions extends Omit<ComputeOptions, 'asked'> {
  /** Variants scored at once. */
  readonly workers: number;
  /** With other machines; null: alone. */
  readonly sharing: Sharing | null;
  /** Told of all cells that are there whenever one more is; not called again before it has ended. */
  onCells(cells: readonly Cell[]): Promise<void>;
}

/** What fills the cells that are not there yet, and tells of each. */
export interface Filling extends ComputeOptions {
  readonly workers: number;
  readonly cells: ReadonlyMap<Variant, Cell>;
  onCell(variant: Variant, cell: Cell): Promise<void>;
}

/** Plans and scores what is not there yet. The cells are in the order of the variants. */
export async function runVariants(
  variants: readonly Variant[],
  options: RunOptions,
  context: Context,
): Promise<Cell[]> {
  const { out, questions, sharing } = options;
  const asked = askedAddress(questions);
  const cells = new Map<Variant, Cell>();
  for (const variant of variants) {
    const cell = await readCell(join(out, cellFile(variant.address, asked)), variant.address);
    if (cell !== null) cells.set(variant, cell);
  }
  const finished = () => variants.flatMap((variant) => cells.get(variant) ?? []);
  const { progress } = context.work;
  const task = 'Filling the leaderboard';
  progress({ type: 'start', task, total: variants.length, unit: 'models' });
  const telling = oneAfterTheOther();
  const report = (note: string) => {
    progress({ type: 'advance', task, done: cells.size, note });
    return telling(() => options.onCells(finished()));
  };
  await report('found');
  const filling: Filling = {
    ...options,
    asked,
    cells,
    async onCell(variant, cell) {
      cells.set(variant, cell);
      await report(`${cell.model} ${cell.method ?? 'original'}`);
    },
  };
  await (sharing ? fillTogether(variants, sharing, filling, context) : fillAlone(variants, filling, context));
  progress({ type: 'end', task });
  return finished();
}

/** Where the rows come from does not matter: machines have their mirrors of datasets in folders of their own. */
const askedAddress = ({ tasks, limit, numFewshot }: Questions) => addressOf({ tasks, limit, numFewshot });

async function fillAlone(variants: readonly Variant[], filling: Filling, context: Context): Promise<void> {
  const { signal } = context.work;
  const open = variants.filter((variant) => !filling.cells.has(variant));
  // All plans first: a method that cannot do what it is asked says so before hours of scoring. One after the
  // other: methods share what is measured, and measuring takes all threads.
  const views: (readonly [Variant, Model])[] = [];
  for (const variant of open) {
    throwIfAborted(signal);
    views.push([variant, await viewOf(variant, filling, context)]);
  }
  await inLanes(views, filling.workers, signal, async ([variant, view], work) => {
    await filling.onCell(variant, await scoreCell(view, variant, filling, work.signal));
  });
}
