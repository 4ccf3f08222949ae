import type { Progress, ProgressEvent } from '@moepress/core';
import { formatAmount, formatCount, formatDuration } from '../../src/format.js';
import { type Phase, Phases } from './phases.js';

/** Milliseconds from any fixed point; replaced in tests. */
export type Clock = () => number;

/** A task that has started and not yet ended. */
export interface Task {
  readonly name: string;
  readonly total: number;
  readonly unit: string;
  readonly startedAt: number;
  /** What was done when it went on after an interruption, which says nothing of its speed. */
  resumed: number;
  done: number;
  note: string | undefined;
}

/** The tasks under way, outermost first, and the phases of the job that they belong to. */
export class Tasks {
  readonly phases = new Phases();
  /** When the first task started. */
  #begun: number | undefined;
  readonly #running: Task[] = [];
  readonly #now: Clock;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Takes an event in and returns the task it was about, as it is after it. */
  apply(event: Exclude<ProgressEvent, { type: 'warning' | 'memory' }>): Task | undefined {
    if (event.type === 'start') {
      const { task: name, total, unit } = event;
      const startedAt = this.#now();
      this.#begun ??= startedAt;
      const task = { name, total, unit, startedAt, resumed: 0, done: 0, note: undefined };
      this.#running.push(task);
      this.phases.enter(name);
      return task;
    }
    const task = this.#running.findLast(({ name }) => name === event.task);
    if (!task) return undefined;
    if (event.type === 'advance') {
      Object.assign(task, { done: event.done, note: event.note });
      if (event.note === 'resumed') task.resumed = event.done;
    } else this.#running.splice(this.#running.indexOf(task), 1);
    return task;
  }

  /** The task started last, which tells most. */
  get innermost(): Task | undefined {
    return this.#running.at(-1);
  }

  get idle(): boolean {
    return this.#running.length === 0;
  }

  /** Seconds since the job began. */
  elapsed(now: number): number {
    return (now - (this.#begun ?? now)) / 1000;
  }

  /**
   * What is left of the whole job as far as it is known, `9 s left`: of the outermost task by its speed so far, and of the
   * phases that are to come by the estimate; `9 s left of this` where nobody knows of those. Null before anything is known.
   */
  left(now: number): string | null {
    const own = this.#secondsLeft(now);
    if (own === null) return null;
    const { seconds, isWhole } = this.phases.later;
    return isWhole && this.#running.every(isEven)
      ? `${formatDuration(own + seconds)} left`
      : `${formatDuration(own)} left of this`;
  }

  #secondsLeft(now: number): number | null {
    const timed = this.#running
      .filter(isEven)
      .map((task) => secondsLeft(task, now))
      .find((seconds) => seconds !== null);
    if (timed !== undefined) return timed;
    const { expected } = this.phases;
    const since = this.#running[0]?.startedAt ?? now;
    return expected === null ? null : Math.max(0, expected - (now - since) / 1000);
  }
}

/** Whether what is counted takes about as long each: jobs of a recipe do not. */
const isEven = ({ unit }: Task): boolean => unit !== 'jobs';

/** By its speed so far; null before that is known. */
function secondsLeft({ done, resumed, total, startedAt }: Task, now: number): number | null {
  const seconds = (now - startedAt) / 1000;
  return done > resumed && seconds > 0 ? (seconds / (done - resumed)) * Math.max(0, total - done) : null;
}

/** Done part in [0, 1]. */
export function fractionOf({ done, total }: Task): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}

/** What is known of a task, what tells most first: `12/40 prompts`, `3.10 prompts/s`, its note. */
export function describeTask(task: Task, now: number): string[] {
  const { done, resumed, total, unit, note } = task;
  const seconds = (now - task.startedAt) / 1000;
  const amount =
    unit === 'bytes'
      ? `${formatAmount(done, unit)} of ${formatAmount(total, unit)}`
      : `${formatCount(done)}/${formatCount(total)} ${unit}`;
  const speed = done > resumed && seconds > 0 ? [`${formatAmount((done - resumed) / seconds, unit)}/s`] : [];
  return [amount, ...speed, ...(note ? [note] : [])];
}

/** `40 prompts in 12 s`: what an ended task leaves behind. */
export function describeEnd({ done, unit, startedAt }: Task, now: number): string {
  return `${formatAmount(done, unit)} in ${formatDuration((now - startedAt) / 1000)}`;
}

/** Shows progress events somewhere. */
export interface Reporter {
  readonly progress: Progress;
  /** Says what the job consists of, so that what is left of all of it can be told. */
  phases(phases: readonly Phase[]): void;
  /** Tells something besides: a line for people, the data for programs. */
  tell(text: string, data: object): void;
  /** Leaves the output tidy, also in the middle of a task. */
  close(): void;
}

/** Where a reporter writes: standard error, so that standard output holds results only. */
export interface Output {
  readonly columns?: number;
  write(text: string): unknown;
}
