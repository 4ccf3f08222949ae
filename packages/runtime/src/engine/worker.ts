import { channel } from 'node:diagnostics_channel';
import { Worker } from 'node:worker_threads';
import { asWriteError } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { encodeModel, externalRoot, type GraphIR } from '@moepress/graph';
import type { Device } from '../devices/device.js';
import { engineFailure } from '../devices/failure.js';
import { findOnnxRuntime } from '../devices/find-onnx-runtime.js';
import { traitsOf } from '../devices/traits.js';
import type { FewOrder } from '../few/few-member.js';
import type { AdamWStep } from './adamw.js';
import {
  type CacheHandle,
  type FileTensor,
  type Learning,
  messageOf,
  type Session,
  type Step,
  type TensorHandle,
  type WorkerCommands,
} from './handles.js';
import type {
  CacheShape,
  Command,
  Reply,
  Results,
  SharedRows,
  TensorData,
  WorkerOptions,
} from './protocol.js';

/** A command that a worker of an engine has carried out. Times are those of `performance.now()`, in milliseconds. */
export interface EngineSpan {
  /** The worker's number among all of this process. */
  readonly worker: number;
  /** The command that the worker carried out: `open`, `run`, .. */
  readonly kind: string;
  /** The session or tensor it was about. */
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** Carries an `EngineSpan` for each command, at no cost while nobody listens. */
export const engineSpans = channel('moepress:engine');

interface Pending {
  readonly resolve: (results: Results) => void;
  readonly reject: (error: unknown) => void;
  readonly what: string;
  readonly kind: Command['kind'];
  readonly sent: number;
  readonly asError: AsError;
}

/** The error of a failed command: its message, the name of its subject, and the code of a system call. */
type AsError = (message: string, what: string, code: string | undefined) => MoepressError;

/** Workers of this process so far. */
let made = 0;

/**
 * ONNX Runtime in a worker thread: the caller's event loop stays free to draw progress and to hear
 * Ctrl-C. Errors of the runtime become `ENGINE_FAILED` and name the session.
 */
export class EngineWorker implements WorkerCommands {
  readonly #worker: Worker;
  readonly #device: Device;
  readonly #keepsOutputs: boolean;
  readonly #ended: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #engineError: AsError = (message, where) => engineFailure(this.#device, message, where);
  readonly #number = made++;
  #count = 0;
  /** When the last command finished; the next one has waited for it. */
  #free = 0;
  #failure: MoepressError | undefined;

  /**
   * `threads` is the number of threads of its matrix products where the processor computes them, `deviceMemory`
   * the bytes of the device's memory that stored tensors may take. Throws `ONNX_RUNTIME_MISSING`.
   */
  constructor(threads: number, { device = 'cpu' as Device, deviceMemory = 0 } = {}) {
    // What the thread would say, but with its code.
    findOnnxRuntime();
    this.#device = device;
    this.#keepsOutputs = traitsOf[device].keepsOutputs;
    // ONNX Runtime reports its use to its maker otherwise; a thread's environment is a copy, so here.
    process.env.ORT_DISABLE_TELEMETRY ??= '1';
    // The built file also when this module runs from source: worker threads cannot load TypeScript.
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), {
      workerData: { threads, device, deviceMemory } satisfies WorkerOptions,
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#fail('The worker thread has ended.');
        resolve();
      });
    });
  }

  async open(session: Session, graph: GraphIR, { arena = false } = {}): Promise<void> {
    const model = encodeModel(graph);
    const placement = {
      arena,
      root: externalRoot(graph),
      onHost: graph.nodes.filter((node) => node.onHost).map(({ name }) => name),
      onDevice: graph.outputs
        .filter(({ onDevice }) => onDevice && this.#keepsOutputs)
        .map(({ name }) => name),
    };
    const command = { kind: 'open', session: session.id, model, placement } as const;
    await this.#send(command, session.name, { transfer: [model.buffer] });
  }

  async close(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    await this.#send({ kind: 'close', sessions: sessions.map(({ id }) => id) }, sessions[0]!.name);
  }

  async run(steps: readonly Step[]): Promise<Results> {
    const messages = steps.map((step) => messageOf(this, step));
    return this.#send({ kind: 'run', steps: messages }, steps[0]?.session.name ?? 'nothing');
  }

  async put(tensors: readonly (readonly [TensorHandle, TensorData])[]): Promise<void> {
    if (tensors.length === 0) return;
    const transfer = [...new Set(tensors.map(([, { data }]) => data.buffer))];
    const entries = tensors.map(([handle, tensor]) => [handle.id, tensor] as const);
    await this.#send({ kind: 'put', tensors: entries }, tensors[0]![0].name, { transfer });
  }

  async save(tensors: readonly TensorHandle[], file: string): Promise<void> {
    await this.#send({ kind: 'save', tensors: idsOf(tensors), file }, file, { asError: writeError });
  }

  async load(tensors: readonly FileTensor[], file: string): Promise<void> {
    const own = tensors.map(({ tensor, dims }) => ({ tensor: tensor.id, dims }));
    await this.#send({ kind: 'load', tensors: own, file }, file, { asError: readError });
  }

  async sumOfSquares(tensors: readonly TensorHandle[]): Promise<number> {
    const [results] = await this.#send({ kind: 'square', tensors: idsOf(tensors) }, 'tensors');
    return Number(results!.sum!.data[0]);
  }

  async learn(tensors: readonly Learning[], step: AdamWStep): Promise<void> {
    const messages = tensors.map(({ parameter, gradient, mean, variance, weightDecay }) => ({
      ...{ parameter: parameter.id, gradient: gradient.id, mean: mean.id, variance: variance.id },
      weightDecay,
    }));
    await this.#send({ kind: 'learn', tensors: messages, step }, 'parameters');
  }

  async read(tensor: TensorHandle): Promise<TensorData> {
    const [results] = await this.#send({ kind: 'read', tensor: tensor.id }, tensor.name);
    return results!.tensor!;
  }

  async makeCache(cache: CacheHandle, shape: CacheShape): Promise<void> {
    await this.#send({ kind: 'cache', cache: cache.id, shape }, cache.name);
  }

  async keepSequences(caches: readonly CacheHandle[], kept: readonly number[]): Promise<void> {
    if (caches.length === 0) return;
    await this.#send({ kind: 'keep', caches: idsOf(caches), sequences: kept }, caches[0]!.name);
  }

  async share(rows: readonly SharedRows<CacheHandle>[]): Promise<Float32Array[]> {
    if (rows.length === 0) return [];
    const named = rows.map((row) => ({ ...row, cache: row.cache.id }));
    const results = await this.#send({ kind: 'share', rows: named }, rows[0]!.cache.name);
    return results.map(({ tensor }) => tensor!.data as Float32Array);
  }

  few(order: FewOrder): Promise<Results> {
    return this.#send({ kind: 'few', order }, 'few sequences');
  }

  async free(handles: readonly (TensorHandle | CacheHandle)[]): Promise<void> {
    if (handles.length === 0) return;
    await this.#send({ kind: 'free', ids: idsOf(handles) }, handles[0]!.name);
  }

  /**
   * Ends the worker, after what it has been sent, and frees all it has; later commands throw `SESSION_CLOSED`. The thread
   * ends by itself: terminated from outside, it might be freeing something of ONNX Runtime's just then.
   */
  async dispose(): Promise<void> {
    const ending = this.#send({ kind: 'end' }, 'worker').catch(() => {});
    this.#failure ??= sessionClosed();
    await ending;
    this.#worker.ref();
    await this.#ended;
  }

  #send(
    command: Command,
    what: string,
    options: { transfer?: readonly ArrayBufferLike[]; asError?: AsError } = {},
  ): Promise<Results> {
    const { transfer = [], asError = this.#engineError } = options;
    if (this.#failure) return Promise.reject(this.#failure);
    const id = this.#count++;
    return new Promise((resolve, reject) => {
      const { kind } = command;
      this.#pending.set(id, { resolve, reject, what, kind, sent: performance.now(), asError });
      if (this.#pending.size === 1) this.#worker.ref();
      this.#worker.postMessage({ id, command }, transfer as ArrayBuffer[]);
    });
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id)!;
    this.#pending.delete(reply.id);
    this.#tell(pending);
    // An idle engine does not keep the process alive.
    if (this.#pending.size === 0) this.#worker.unref();
    if ('results' in reply) pending.resolve(reply.results);
    else pending.reject(pending.asError(reply.error, pending.what, reply.code));
  }

  #tell({ kind, what, sent }: Pending): void {
    const end = performance.now();
    const start = Math.max(sent, this.#free);
    this.#free = end;
    if (engineSpans.hasSubscribers) {
      engineSpans.publish({ worker: this.#number, kind, what, start, end } satisfies EngineSpan);
    }
  }

  #fail(message: string): void {
    this.#failure ??= engineFailure(this.#device, message, 'worker');
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
  }
}

const idsOf = (handles: readonly { readonly id: string }[]): string[] => handles.map(({ id }) => id);

/** The error of whatever is asked of an engine or a runner after it has been closed. */
export const sessionClosed = (): MoepressError =>
  new MoepressError('SESSION_CLOSED', { message: 'The session is closed.', where: 'session' });

const writeError: AsError = (message, file, code) =>
  asWriteError(Object.assign(new Error(message), { code }), file);

const readError: AsError = (message, file) =>
  new MoepressError('CHECKPOINT_INVALID', {
    message: `The scratch file cannot be read: ${message}`,
    where: file,
    hint: 'Run the command again: what was lost is computed again.',
  });
