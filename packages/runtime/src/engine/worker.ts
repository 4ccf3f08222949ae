import { Worker } from 'node:worker_threads';
import { asWriteError } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { encodeModel, type GraphIR } from '@moepress/graph';
import type { Device } from '../devices/device.js';
import { engineFailure } from '../devices/failure.js';
import { traitsOf } from '../devices/traits.js';
import type { AdamWStep } from './adamw.js';
import type {
  CacheShape,
  Command,
  FileTensor,
  Learning,
  Reply,
  Results,
  Step,
  TensorData,
  WorkerOptions,
} from './protocol.js';
import { type EngineSpan, engineSpans } from './spans.js';

interface Pending {
  readonly resolve: (results: Results) => void;
  readonly reject: (error: unknown) => void;
  readonly what: string;
  readonly kind: Command['kind'];
  readonly sent: number;
  readonly asError: AsError;
}

/** What a failed command throws: what went wrong, the name of what it was about, the code of a system call. */
type AsError = (message: string, what: string, code: string | undefined) => MoepressError;

/** Workers of this process so far. */
let made = 0;

/**
 * ONNX Runtime in a worker thread: the caller's event loop stays free to draw progress and to hear
 * Ctrl-C. Errors of the runtime become `ENGINE_FAILED` and name the session.
 */
export class EngineWorker {
  readonly #worker: Worker;
  readonly #device: Device;
  readonly #keepsOutputs: boolean;
  readonly #ended: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #engineError: AsError = (message, where) => engineFailure(this.#device, message, where);
  readonly #number = made++;
  #count = 0;
  /** When the last command was done: the next one has waited for it. */
  #free = 0;
  #failure: MoepressError | undefined;

  /**
   * `threads` is the number of threads of its matrix products where the processor computes them, `deviceMemory`
   * the bytes of the device's memory that held tensors may take.
   */
  constructor(threads: number, { device = 'cpu' as Device, deviceMemory = 0 } = {}) {
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

  /** `arena` as in `Placement`. */
  async open(session: string, graph: GraphIR, { arena = false } = {}): Promise<void> {
    const model = encodeModel(graph);
    const placement = {
      arena,
      onHost: graph.nodes.filter((node) => node.onHost).map(({ name }) => name),
      onDevice: graph.outputs
        .filter(({ onDevice }) => onDevice && this.#keepsOutputs)
        .map(({ name }) => name),
    };
    await this.#send({ kind: 'open', session, model, placement }, session, { transfer: [model.buffer] });
  }

  async close(session: string): Promise<void> {
    await this.#send({ kind: 'close', session }, session);
  }

  /** Runs steps in order; yields what each one fetched. */
  async run(steps: readonly Step[]): Promise<Results> {
    return this.#send({ kind: 'run', steps }, steps[0]?.session ?? 'nothing');
  }

  /** Gives a tensor to the worker to hold; its memory moves there. */
  async put(name: string, tensor: TensorData): Promise<void> {
    await this.#send({ kind: 'put', name, tensor }, name, { transfer: [tensor.data.buffer] });
  }

  /** Writes held float32 tensors to a file; they stay held. Throws `DISK_FULL` or `WRITE_FAILED`. */
  async save(names: readonly string[], file: string): Promise<void> {
    await this.#send({ kind: 'save', names, file }, file, { asError: writeError });
  }

  /** Holds the tensors that `save` wrote. Throws `CHECKPOINT_INVALID` if the file is not what it wrote. */
  async load(tensors: readonly FileTensor[], file: string): Promise<void> {
    await this.#send({ kind: 'load', tensors, file }, file, { asError: readError });
  }

  /** The sum of the squares of all numbers of float32 tensors, in double precision, as far as they are held. */
  async sumOfSquares(names: readonly string[]): Promise<number> {
    const [results] = await this.#send({ kind: 'square', names }, 'held tensors');
    return Number(results!.sum!.data[0]);
  }

  /** Changes held parameters by their gradients; those that have none stay as they are. */
  async learn(tensors: readonly Learning[], step: AdamWStep): Promise<void> {
    await this.#send({ kind: 'learn', tensors, step }, 'parameters');
  }

  /** A copy of a held tensor. */
  async take(name: string): Promise<TensorData> {
    const [results] = await this.#send({ kind: 'take', name }, name);
    return results![name]!;
  }

  /** Makes an empty key-value cache that steps append to. */
  async cache(name: string, shape: CacheShape): Promise<void> {
    await this.#send({ kind: 'cache', name, shape }, name);
  }

  async drop(names: readonly string[]): Promise<void> {
    await this.#send({ kind: 'drop', names }, 'held tensors');
  }

  /**
   * Ends the worker and frees all it holds. The thread ends by itself: terminated from outside, it might be freeing
   * something of ONNX Runtime's just then.
   */
  async dispose(): Promise<void> {
    await this.#send({ kind: 'end' }, 'worker').catch(() => {});
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

const writeError: AsError = (message, file, code) =>
  asWriteError(Object.assign(new Error(message), { code }), file);

const readError: AsError = (message, file) =>
  new MoepressError('CHECKPOINT_INVALID', {
    message: `The scratch file cannot be read: ${message}`,
    where: file,
    hint: 'Run the command again: what was lost is computed again.',
  });
