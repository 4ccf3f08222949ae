import { rm } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { MoepressError, suggest } from '@moepress/core';
import { gigabytes } from '../flops.js';
import type { Ran } from './child.js';
import { type Job, jobsFor, type Subject } from './jobs.js';
import { commit } from './machine.js';
import { hasOption, moepress } from './moepress.js';
import type { Sizes } from './sizes.js';
import type { Prepared } from './subject.js';
import { withSubject } from './subject.js';

/** A command that was run. */
export interface Row {
  readonly shape: string;
  readonly layers: number;
  readonly tokenizer: string;
  readonly job: string;
  /** Command line as typed. */
  readonly command: string;
  /** When it was measured, and on which state of the repository. */
  readonly date: string;
  readonly commit: string;
  readonly ran: Omit<Ran, 'stdout'>;
  /** Further facts about the job. */
  readonly note: string;
  /** Load of the machine over the minute before. */
  readonly load: number;
}

export interface MeasureOptions {
  readonly sizes: Sizes;
  /** Names of jobs or of their kinds; null: all. */
  readonly selection: readonly string[] | null;
  /** Bytes of anonymous memory beyond which a command is ended; it is given this limit if it has an option for it. */
  readonly bound?: number | undefined;
}

/** Runs the selected jobs of a checkpoint one after the other. Throws `INPUT_INVALID` if a name selects none. */
export function measureJobs(prepared: Prepared, options: MeasureOptions): Promise<Row[]> {
  return withSubject(prepared, options.sizes, async (subject) => {
    const rows: Row[] = [];
    for (const job of select(jobsFor(subject), options.selection)) {
      const row = await measureJob(job, prepared, subject, options.bound);
      console.log(line(row));
      rows.push(row);
    }
    return rows;
  });
}

function select(jobs: readonly Job[], names: readonly string[] | null): readonly Job[] {
  const known = new Set(jobs.flatMap(({ name, kind }) => [name, kind]));
  const unknown = names?.find((name) => !known.has(name));
  if (unknown === undefined) {
    return jobs.filter(({ name, kind }) => names === null || names.includes(name) || names.includes(kind));
  }
  const meant = suggest(unknown, known);
  throw new MoepressError('INPUT_INVALID', {
    message: `There is no command "${unknown}" for this shape.`,
    where: unknown,
    hint: `${meant ? `Did you mean ${meant}? ` : ''}Pick from ${[...known].join(', ')}.`,
  });
}

async function measureJob(
  { name, args, before = [], drive }: Job,
  { shape, layers, tokenizer }: Prepared,
  { scratch }: Subject,
  bound: number | undefined,
): Promise<Row> {
  for (const needed of before) {
    const { outcome, complaint } = await moepress(needed, scratch);
    if (outcome !== 'done') throw new Error(`moepress ${needed.join(' ')}: ${complaint}`);
  }
  const told = bound !== undefined && (await hasOption(args[0]!, '--memory'));
  const command = told ? [...args, '--memory', String(bound)] : args;
  const [load] = loadavg();
  let note = '';
  const { stdout: _, ...ran } = await moepress(command, scratch, {
    bound,
    drive:
      drive &&
      (async (child) => {
        note = await drive(child);
      }),
  });
  // The output is as large as the checkpoint.
  const out = args.indexOf('--out');
  if (out > 0 && out + 1 < args.length) await rm(args[out + 1]!, { recursive: true, force: true });
  return {
    shape: shape.title,
    layers,
    tokenizer,
    job: name,
    command: ['moepress', ...command].join(' '),
    date: new Date().toISOString(),
    commit: commit(),
    ran,
    note,
    load: load!,
  };
}

const line = ({ shape, layers, job, ran, note }: Row) =>
  `${shape} ${layers} layers, ${job}: ${ran.outcome}, ${ran.seconds.toFixed(1)} s (${ran.cpu.toFixed(1)} s of processors), ${gigabytes(ran.anonymous)} anonymous${ran.predicted === null ? '' : ` of ${gigabytes(ran.predicted)} predicted`}${note && `; ${note}`}${ran.complaint === null ? '' : `; ${ran.complaint}`}`;
