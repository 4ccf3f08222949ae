import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { MoepressError } from '@moepress/core/errors';

/** The niceness of the thread: about a tenth of a processor that other threads want. */
const niceness = 10;

/** Lowers the priority of this thread below others, where each thread has a separate priority, as on Linux. */
export function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness));
  } catch {
    // Without /proc, or where it must not: then all come alike.
  }
}

/** A message to a confined thread. */
export interface ConfinedRequest {
  readonly id: number;
  readonly task: string;
  readonly argument: unknown;
}

/** An error that passed from one thread to another. */
export interface ConfinedFailure {
  readonly name: string;
  readonly message: string;
  /** Code and place of an error that is meant for the user. */
  readonly own: ReturnType<MoepressError['toJSON']> | null;
}

export interface ConfinedReply {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: ConfinedFailure;
}

/** What the thread is started with. */
export interface ConfinedStart {
  /** The port for synchronous questions, whose caller blocks until they are answered. */
  readonly port: MessagePort;
  /** One 32-bit number, raised by one for each answer on `port`. */
  readonly bell: SharedArrayBuffer;
  readonly data: unknown;
  /** Whether others come first. */
  readonly isBackground: boolean;
}

/** What answers to a task; may be asked again after it threw. */
export type ConfinedTasks = Readonly<Record<string, (argument: never) => unknown>>;

/**
 * Makes the thread this is called in one that `ConfinedThread` asks: `make` gets what the thread was given and says
 * what it can do. Answers one question after the other.
 */
export function answerConfined(make: (data: never) => ConfinedTasks): void {
  const { port, bell, data, isBackground }: ConfinedStart = workerData;
  if (isBackground) lowerPriority();
  const tasks = make(data as never);
  const counter = new Int32Array(bell);
  const listen = (from: MessagePort, ring: () => void) =>
    from.on('message', async (request: ConfinedRequest) => {
      from.postMessage(await reply(tasks, request));
      ring();
    });
  listen(parentPort!, () => {});
  listen(port, () => {
    Atomics.add(counter, 0, 1);
    Atomics.notify(counter, 0);
  });
}

async function reply(tasks: ConfinedTasks, { id, task, argument }: ConfinedRequest): Promise<ConfinedReply> {
  try {
    return { id, value: await tasks[task]!(argument as never) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
    const own = error instanceof MoepressError ? error.toJSON() : null;
    return { id, failure: { name, message, own } };
  }
}
