import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { type FileOutput, replaceFile } from '@moepress/checkpoint';
import type { Progress, ProgressEvent } from '@moepress/core';
import type { EngineSpan } from '@moepress/runtime';
import { claimFile, type OutputOptions } from '../src/files/output.js';
import { profileHead } from '../src/files/output-kinds.js';

/** An event of the Trace Event Format, which Perfetto (ui.perfetto.dev) and Chrome (chrome://tracing) show. Times in microseconds. */
interface TraceEvent {
  readonly name: string;
  /** X: a span, C: a counter, M: a name for a thread. */
  readonly ph: 'X' | 'C' | 'M';
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: 1;
  readonly tid: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const spansOf = 'moepress:engine';
const memoryEvery = 50;
/** Threads of the trace: what the command is doing, then one for each worker of an engine. */
const taskThread = 0;

/** Records what a command does from now on: its tasks, the commands of the engine's workers, and its anonymous memory. */
export class TraceRecorder {
  readonly #events: TraceEvent[] = [];
  readonly #running = new Map<string, number>();
  readonly #workers = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  readonly #onSpan = (message: unknown) => this.#span(message as EngineSpan);

  readonly #output: FileOutput;

  /** Records for a file that has been taken: an hour of work must not end in a trace that cannot be written. */
  constructor(output: FileOutput) {
    this.#output = output;
    this.#add({ name: 'start-up', start: 0, end: performance.now() }, taskThread);
    subscribe(spansOf, this.#onSpan);
    this.#timer = setInterval(() => this.#memory(), memoryEvery);
    this.#timer.unref();
  }

  /** Records what it passes on. */
  listening(progress: Progress): Progress {
    return (event) => {
      this.#event(event);
      progress(event);
    };
  }

  /** Records no more, and leaves no file unless one has been written. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    unsubscribe(spansOf, this.#onSpan);
    await this.#output.abandon();
  }

  /** Writes the trace. Throws `DISK_FULL` or `WRITE_FAILED`. */
  async finish(): Promise<void> {
    clearInterval(this.#timer);
    unsubscribe(spansOf, this.#onSpan);
    for (const name of [...this.#running.keys()]) this.#event({ type: 'end', task: name });
    this.#add({ name: 'command', start: 0, end: performance.now() }, taskThread);
    const threads = [taskThread, ...[...this.#workers].map(threadOf)].map((tid): TraceEvent => {
      const name = tid === taskThread ? 'command' : `engine worker ${tid - 1}`;
      return { name: 'thread_name', ph: 'M', pid: 1, tid, args: { name } };
    });
    const traceEvents = JSON.stringify([...threads, ...this.#events]);
    await replaceFile(this.#output.path, (file) => file.writeFile(`${profileHead}${traceEvents}}\n`));
    await this.#output.commit();
  }

  #event(event: ProgressEvent): void {
    const now = performance.now();
    if (event.type === 'start') this.#running.set(event.task, now);
    if (event.type === 'end') {
      const start = this.#running.get(event.task);
      if (start === undefined) return;
      this.#running.delete(event.task);
      this.#add({ name: event.task, start, end: now }, taskThread);
    }
    if (event.type === 'memory') this.#counter('predicted memory', event.predicted);
  }

  #span({ worker, kind, what, start, end }: EngineSpan): void {
    this.#workers.add(worker);
    this.#add({ name: `${kind} ${what}`, start, end }, threadOf(worker));
  }

  #memory(): void {
    try {
      const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
      if (kilobytes) this.#counter('anonymous memory', Number(kilobytes) * 1024);
    } catch {
      // Only Linux tells.
    }
  }

  #counter(name: string, bytes: number): void {
    this.#events.push({
      name,
      ph: 'C',
      ts: 1000 * performance.now(),
      pid: 1,
      tid: taskThread,
      args: { bytes },
    });
  }

  #add({ name, start, end }: { name: string; start: number; end: number }, tid: number): void {
    this.#events.push({ name, ph: 'X', ts: 1000 * start, dur: 1000 * (end - start), pid: 1, tid });
  }
}

/** Records for a file, from now on. Throws what `claimFile` throws. */
export async function startRecorder(file: string, options: OutputOptions): Promise<TraceRecorder> {
  return new TraceRecorder(await claimFile(file, 'profile', options));
}

const threadOf = (worker: number): number => worker + 1;
