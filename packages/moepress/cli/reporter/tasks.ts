import type { Progress, ProgressEvent } from '@moepress/core';
import { formatAmount, formatCount, formatDuration } from '../../src/format.js';

/** Milliseconds from any fixed point; replaced in tests. */
export type Clock = () => number;

/** A task that has started and not yet ended. */
export interface Task {
  readonly name: string;
  readonly total: number;
  readonly unit: string;
  readonly startedAt: number;
  done: number;
  note: string | undefined;
}

/** The tasks under way, outermost first. */
export class Tasks {
  readonly #running: Task[] = [];
  readonly #now: Clock;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Takes an event in and returns the task it was about, as it is after it. */
  apply(event: Exclude<ProgressEvent, { type: 'warning' | 'memory' }>): Task | undefined {
    if (event.type === 'start') {
      const { task: name, total, unit } = event;
      const task = { name, total, unit, startedAt: this.#now(), done: 0, note: undefined };
      this.#running.push(task);
      return task;
    }
    const task = this.#running.findLast(({ name }) => name === event.task);
    if (!task) return undefined;
    if (event.type === 'advance') Object.assign(task, { done: event.done, note: event.note });
    else this.#running.splice(this.#running.indexOf(task), 1);
    return task;
  }

  /** The task started last, which tells most. */
  get innermost(): Task | undefined {
    return this.#running.at(-1);
  }

  get idle(): boolean {
    return this.#running.length === 0;
  }
}

/** Done part in [0, 1]. */
export function fractionOf({ done, total }: Task): number {
  return total > 0 ? Math.min(1, done / total) : 0;
}

/** `12/40 prompts, 3.10 prompts/s, 9 s left`: what is known so far. */
export function describeTask(task: Task, now: number): string {
  const { done, total, unit, note } = task;
  const seconds = (now - task.startedAt) / 1000;
  const amount =
    unit === 'bytes'
      ? `${formatAmount(done, unit)} of ${formatAmount(total, unit)}`
      : `${formatCount(done)}/${formatCount(total)} ${unit}`;
  const parts = [amount];
  if (done > 0 && seconds > 0) {
    parts.push(`${formatAmount(done / seconds, unit)}/s`);
    if (done < total) parts.push(`${formatDuration((seconds / done) * (total - done))} left`);
  }
  return [...parts, ...(note ? [note] : [])].join(', ');
}

/** `40 prompts in 12 s`: what an ended task leaves behind. */
export function describeEnd({ done, unit, startedAt }: Task, now: number): string {
  return `${formatAmount(done, unit)} in ${formatDuration((now - startedAt) / 1000)}`;
}

/** Shows progress events somewhere. */
export interface Reporter {
  readonly progress: Progress;
  /** Leaves the output tidy, also in the middle of a task. */
  close(): void;
}

/** Where a reporter writes: standard error, so that standard output holds results only. */
export interface Output {
  readonly columns?: number;
  write(text: string): unknown;
}
