import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { MoepressError } from '@moepress/core/errors';
import type { ConfinedReply, ConfinedRequest, ConfinedStart } from './confined-worker.js';
import { Patience } from './patience.js';

/** Why a confined thread gave no answer. */
export type ConfinedReason = 'time' | 'memory' | 'failed' | 'closed';

/** A question that a confined thread did not answer; the message is a clause, for a sentence that says what it was. */
export class ConfinedError extends Error {
  readonly reason: ConfinedReason;

  constructor(reason: ConfinedReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  static late({ milliseconds }: Patience): ConfinedError {
    return new ConfinedError('time', `it took longer than ${milliseconds / 1000} s`);
  }

  /** Ends the wait of a caller whose thread no longer works, because a blocked caller receives no events. */
  static deserted(): ConfinedError {
    return new ConfinedError('memory', 'it ended without an answer, or took more memory than it may');
  }

  /** The error for a thread that ended by itself. */
  static ended(cause: unknown): ConfinedError {
    const { code, message } = cause as NodeJS.ErrnoException;
    return code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? new ConfinedError('memory', 'it took more memory than it may', { cause })
      : new ConfinedError('failed', message, { cause });
  }
}

/** The limits of time and memory for one question. */
export interface ConfinedBounds {
  /** Milliseconds of processor time, see `Patience`. */
  readonly patience: number;
  /** Megabytes of JavaScript's memory that the thread may take; a thread with less is replaced first. */
  readonly memory: number;
  /** Ends the thread when it fires. Not heard by `askNow`. */
  readonly signal?: AbortSignal | undefined;
}

interface Job {
  readonly task: string;
  readonly argument: unknown;
  readonly bounds: ConfinedBounds;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

interface Running {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly bell: Int32Array;
  readonly memory: number;
  isFresh: boolean;
  /** Stops the questions that are being answered. */
  fail: (error: unknown) => void;
}

/**
 * A thread for what strangers wrote that is more than data: regular expressions, templates. It is asked one thing at a
 * time; what takes too long or too much memory ends with the thread, and the next question starts another one. It
 * keeps no process alive.
 */
export class ConfinedThread {
  readonly #script: URL;
  readonly #data: unknown;
  readonly #starting: number;
  readonly #isBackground: boolean;
  readonly #queue: Job[] = [];
  #running: Running | null = null;
  #isBusy = false;
  #lastId = 0;

  /**
   * `script`: a built module that calls `answerConfined`; `data`: what it is given, whenever a thread starts;
   * `starting`: patience that the first question of a thread has besides, in milliseconds; `isBackground`: whether other
   * threads come before it.
   */
  constructor(script: URL, data: unknown, starting: number, { isBackground = false } = {}) {
    this.#script = script;
    this.#data = data;
    this.#starting = starting;
    this.#isBackground = isBackground;
  }

  /**
   * The answer to a task. Throws a `ConfinedError` for one that was stopped or failed, a `MoepressError` that the task
   * threw, and the reason of the signal.
   */
  ask<T>(task: string, argument: unknown, bounds: ConfinedBounds): Promise<T> {
    return new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ task, argument, bounds, resolve, reject });
      this.#work();
    }) as Promise<T>;
  }

  /**
   * The synchronous form of `ask`: the calling thread blocks meanwhile. Questions that `ask` has sent are answered
   * first.
   */
  askNow<T>(task: string, argument: unknown, { patience, memory }: ConfinedBounds): T {
    const running = this.#start(this.#isBusy ? 0 : memory);
    const { port, bell } = running;
    const before = Atomics.load(bell, 0);
    port.postMessage(this.#request(task, argument));
    const clock = this.#patience(running, patience);
    // The bell of the answer before may still be ringing: only its count tells.
    while (Atomics.load(bell, 0) === before) {
      if (Atomics.wait(bell, 0, before, clock.interval) !== 'timed-out') continue;
      const isDeserted = clock.isDeserted();
      if (!isDeserted && !clock.isOver()) continue;
      const error = isDeserted ? ConfinedError.deserted() : ConfinedError.late(clock);
      this.#stop(running, error);
      throw error;
    }
    return answerIn(receiveMessageOnPort(port)!.message) as T;
  }

  /** Ends the thread; what waits is not answered. */
  async close(): Promise<void> {
    const closed = new ConfinedError('closed', 'it was closed');
    for (const job of this.#queue.splice(0)) job.reject(closed);
    if (this.#running) await this.#stop(this.#running, closed);
  }

  #request(task: string, argument: unknown): ConfinedRequest {
    return { id: ++this.#lastId, task, argument };
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
      try {
        job.resolve(await this.#answer(job));
      } catch (error) {
        job.reject(error);
      }
    }
    this.#isBusy = false;
  }

  async #answer({ task, argument, bounds }: Job): Promise<unknown> {
    const { signal } = bounds;
    signal?.throwIfAborted();
    const running = this.#start(bounds.memory);
    const { worker } = running;
    const request = this.#request(task, argument);
    const clock = this.#patience(running, bounds.patience);
    worker.ref();
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => this.#stop(running, signal!.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const reply = await new Promise<ConfinedReply>((resolve, reject) => {
        running.fail = reject;
        worker.once('message', resolve);
        timer = setInterval(() => {
          if (clock.isOver()) this.#stop(running, ConfinedError.late(clock));
        }, clock.interval);
        worker.postMessage(request);
      });
      return answerIn(reply);
    } finally {
      clearInterval(timer);
      signal?.removeEventListener('abort', onAbort);
      running.fail = () => {};
      worker.unref();
    }
  }

  #patience(running: Running, patience: number): Patience {
    const clock = new Patience(patience + (running.isFresh ? this.#starting : 0));
    running.isFresh = false;
    return clock;
  }

  /** The thread, a new one if there is none with that much memory. */
  #start(memory: number): Running {
    if (this.#running && this.#running.memory >= memory) return this.#running;
    if (this.#running) this.#stop(this.#running, new ConfinedError('closed', 'it was replaced'));
    const { port1: port, port2 } = new MessageChannel();
    const bell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const start: ConfinedStart = { port: port2, bell, data: this.#data, isBackground: this.#isBackground };
    const worker = new Worker(this.#script, {
      workerData: start,
      transferList: [port2],
      resourceLimits: { maxOldGenerationSizeMb: memory },
    });
    const running: Running = {
      worker,
      port,
      bell: new Int32Array(bell),
      memory,
      isFresh: true,
      fail: () => {},
    };
    this.#running = running;
    worker.unref();
    worker.on('error', (cause) => this.#stop(running, ConfinedError.ended(cause)));
    return running;
  }

  /** Ends a thread and the questions it is answering. */
  async #stop(running: Running, error: unknown): Promise<void> {
    if (this.#running === running) this.#running = null;
    running.fail(error);
    running.port.close();
    await running.worker.terminate();
  }
}

function answerIn({ value, failure }: ConfinedReply): unknown {
  if (failure === undefined) return value;
  if (failure.own) {
    const { code, message, where, hint } = failure.own;
    throw new MoepressError(code, { message, where: where ?? undefined, hint });
  }
  throw new ConfinedError('failed', failure.message);
}
