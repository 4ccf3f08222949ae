import { join } from 'node:path';
import { MoepressError, type Work } from '@moepress/core';
import { addressOf } from '../address.js';
import { serialQueue } from '../concurrency.js';
import { cellFile, cellFormat } from './cell.js';
import { packCell, unpackCell } from './cell-archive.js';
import { type FillOptions, scoreCell, viewOf } from './compute-cell.js';
import type { Variant } from './variant.js';

/** How machines share the work. */
export interface Sharing {
  readonly shareJobs: typeof import('@moepress/queue').shareJobs;
  /** Address of the Redis server. */
  readonly url: string;
  /** Milliseconds after which a silent machine is taken for dead. */
  readonly stalledAfter: number;
}

/** The optional package, which brings its clients of Redis along. Throws `INPUT_INVALID` if it is not installed. */
export async function openSharing(options: Omit<Sharing, 'shareJobs'>): Promise<Sharing> {
  try {
    const { shareJobs } = await import('@moepress/queue');
    return { ...options, shareJobs };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MoepressError('INPUT_INVALID', {
      message: 'Queues are in a package of their own, which is not installed.',
      where: 'queue',
      hint: 'npm install @moepress/queue (with -g if moepress is installed so).',
      cause,
    });
  }
}

/**
 * Fills the leaderboard with all machines that have the same variants and questions. A cell's address is the name
 * of its job; with its result come its files.
 */
export async function fillDistributed(
  variants: readonly Variant[],
  { shareJobs, ...server }: Sharing,
  filling: FillOptions,
  work: Work,
): Promise<void> {
  const { out, asked, workers, cells } = filling;
  const byJob = new Map(
    variants.map((variant) => [addressOf([cellFormat, variant.address, asked]), variant]),
  );
  const jobs = [...byJob.keys()];
  const planning = serialQueue();
  await shareJobs({
    ...server,
    ...work,
    name: `leaderboard-${addressOf(jobs.toSorted()).slice(0, 16)}`,
    jobs,
    concurrency: workers,
    async known(job) {
      const cell = cells.get(byJob.get(job)!);
      return cell ? packCell(out, cell) : null;
    },
    async run(job, signal) {
      const variant = byJob.get(job)!;
      // Measuring takes all threads, and the next variant may need the same measurements.
      const decided = await planning(() => viewOf(variant, filling, { ...work, signal }));
      return packCell(out, await scoreCell(decided, variant, filling, signal));
    },
    async onResult(job, result) {
      const variant = byJob.get(job)!;
      if (cells.has(variant)) return;
      const file = join(out, cellFile(variant.address, asked));
      await filling.onCell(variant, await unpackCell(out, file, variant.address, result));
    },
  });
}
