import { type ConfinedBounds, ConfinedThread } from '@moepress/checkpoint/confined';

/** The thread's module; tests run a bundle of its source. */
const script = new URL('./task-file-thread.js', import.meta.url);

/** Milliseconds of processor time for starting the thread, for a question, and megabytes of JavaScript's memory. */
const bounds = { start: 2000, patience: 5000, memory: 512 };

/** One for all task files: it keeps nothing between questions, and no process alive. */
let thread: ConfinedThread | undefined;

const opened = (): ConfinedThread => {
  thread ??= new ConfinedThread(script, null, bounds.start);
  return thread;
};

const limits = (signal?: AbortSignal): ConfinedBounds => ({
  patience: bounds.patience,
  memory: bounds.memory,
  signal,
});

/** The answer of the thread for task files. Throws a `ConfinedError` for what is stopped, and the reason of the signal. */
export const askConfined = <Answer>(
  question: string,
  argument: unknown,
  signal?: AbortSignal,
): Promise<Answer> => opened().ask<Answer>(question, argument, limits(signal));

/** The same for callers that wait. */
export const askConfinedNow = <Answer>(question: string, argument: unknown): Answer =>
  opened().askNow<Answer>(question, argument, limits());
