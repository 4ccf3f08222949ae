import type { Work } from '@moepress/core';
import { addressOf } from '../address.js';

/** Counted up when results of an older moepress must not be taken any more. */
export const jobFormat = 1;

/** What a job has made, as it stands in its small file `result.json`. */
export interface JobResult {
  /** Files and folders within the job's folder, by what they are. */
  readonly files: Readonly<Record<string, string>>;
  /** What a table shows of it; JSON. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A job that another one needs: its result, and the folder of its files. */
export interface Needed extends JobResult {
  readonly folder: string;
}

/**
 * Something to do that depends on what it names and on nothing else: `spec`, and the results of the jobs that it needs. So
 * whoever has a result with its key need not do it again, on whichever machine that was.
 */
export interface Job {
  /** SHA-256 in hexadecimal of kind, `spec` and the keys of what it needs. */
  readonly key: string;
  /** Such as `compress`: the beginning of its folder's name. */
  readonly kind: string;
  /** In words of people, such as `evaluate the original`. */
  readonly title: string;
  /** Jobs that are done before. */
  readonly needs: readonly Job[];
  /** Makes its files in `folder`, which is its own and empty. */
  run(folder: string, needed: readonly Needed[], work: Work): Promise<JobResult>;
}

/** A job, with the key that follows from what it names. */
export function jobOf({ spec, ...job }: Omit<Job, 'key'> & { readonly spec: unknown }): Job {
  const { kind, needs } = job;
  return { ...job, key: addressOf({ jobFormat, kind, spec, needs: needs.map(({ key }) => key) }) };
}

/** The name of a job's folder. */
export const folderNameOf = ({ kind, key }: Pick<Job, 'kind' | 'key'>): string =>
  `${kind}-${key.slice(0, 12)}`;

/** All jobs that some jobs consist of, each once, after those that it needs. */
export function inOrder(jobs: readonly Job[]): Job[] {
  const ordered = new Map<string, Job>();
  const add = (job: Job): void => {
    if (ordered.has(job.key)) return;
    for (const needed of job.needs) add(needed);
    ordered.set(job.key, job);
  };
  for (const job of jobs) add(job);
  return [...ordered.values()];
}
