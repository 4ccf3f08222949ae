import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asWriteError } from '@moepress/checkpoint';
import { throwIfAborted, type Work } from '@moepress/core';
import { folderNameOf, inOrder, type Job, type Needed } from './job.js';
import { keepResult, readResult } from './job-results.js';

/** A job and its result. */
export interface DoneJob {
  readonly job: Job;
  readonly result: Needed;
  /** Whether an earlier run has done it. */
  readonly wasDone: boolean;
}

/**
 * Does what is not done yet of some jobs and of what they need, one after the other, since each takes all threads. Each has
 * a folder of its own in `out`, in which what a killed run left is made again. Throws what jobs throw: those that are done stay
 * done.
 */
export async function runJobs(jobs: readonly Job[], out: string, work: Work): Promise<DoneJob[]> {
  const { progress, signal } = work;
  const ordered = inOrder(jobs);
  const task = 'Running the recipe';
  progress?.({ type: 'start', task, total: ordered.length, unit: 'jobs' });
  const done = new Map<string, DoneJob>();
  for (const job of ordered) {
    throwIfAborted(signal);
    progress?.({ type: 'advance', task, done: done.size, note: job.title });
    const known = await readResult(out, job);
    const needed = job.needs.map(({ key }) => done.get(key)!.result);
    const result = known ?? (await run(job, out, needed, work));
    done.set(job.key, { job, result, wasDone: known !== null });
  }
  progress?.({ type: 'advance', task, done: done.size });
  progress?.({ type: 'end', task });
  return [...done.values()];
}

async function run(job: Job, out: string, needed: readonly Needed[], work: Work): Promise<Needed> {
  const folder = join(out, folderNameOf(job));
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw asWriteError(cause, folder);
  }
  try {
    const result = await job.run(folder, needed, work);
    await keepResult(out, job, result);
    return { ...result, folder };
  } catch (error) {
    // Without a result, what is there is of no use to anybody.
    await rm(folder, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}
