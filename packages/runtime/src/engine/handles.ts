import { MoepressError } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import type { FewOrder } from '../few/few-member.js';
import type { AdamWStep } from './adamw.js';
import type {
  CacheRows,
  CacheShape,
  FeedMessage,
  Results,
  SharedRows,
  StepMessage,
  TensorData,
} from './protocol.js';

/** What a worker of an engine does. Commands are carried out in the order in which they are given. */
export interface WorkerCommands {
  /** `arena` as in `Placement`. */
  open(session: Session, graph: GraphIR, options?: { readonly arena?: boolean }): Promise<void>;

  close(sessions: readonly Session[]): Promise<void>;

  /** Runs steps in order; yields what each one fetched. Throws `ENGINE_FAILED` before the first if one is incomplete. */
  run(steps: readonly Step[]): Promise<Results>;

  /** Moves tensors into the worker, in the place of what their handles stood for. */
  put(tensors: readonly (readonly [TensorHandle, TensorData])[]): Promise<void>;

  /** Writes float32 tensors to a file; they stay. Throws `DISK_FULL` or `WRITE_FAILED`. */
  save(tensors: readonly TensorHandle[], file: string): Promise<void>;

  /** Takes the tensors that `save` wrote. Throws `CHECKPOINT_INVALID` if the file is not what it wrote. */
  load(tensors: readonly FileTensor[], file: string): Promise<void>;

  /** The sum of the squares of all numbers of float32 tensors, in double precision; empty ones count as zeros. */
  sumOfSquares(tensors: readonly TensorHandle[]): Promise<number>;

  /** Changes parameters by their gradients; those whose gradient is empty stay as they are. */
  learn(tensors: readonly Learning[], step: AdamWStep): Promise<void>;

  /** A copy of a tensor. */
  read(tensor: TensorHandle): Promise<TensorData>;

  /** Makes an empty key-value cache. */
  makeCache(cache: CacheHandle, shape: CacheShape): Promise<void>;

  /** Forgets all sequences of caches but some, in ascending order, which are numbered anew; what sequences share stays. */
  keepSequences(caches: readonly CacheHandle[], kept: readonly number[]): Promise<void>;

  /** Copies of rows of caches, in memory that can be handed to other workers. */
  share(rows: readonly SharedRows<CacheHandle>[]): Promise<Float32Array[]>;

  /** What this worker does as one of a team of all; see `FewMember`. */
  few(order: FewOrder): Promise<Results>;

  /** Empties tensors and caches. */
  free(handles: readonly (TensorHandle | CacheHandle)[]): Promise<void>;
}

/** Something that lives in one worker. */
export interface InWorker {
  readonly worker: WorkerCommands;
}

let made = 0;

/** A number that is unique in this process; the name is for messages only. */
const idOf = (name: string): string => `${name}#${made++}`;

/** A place for one tensor in the memory of one worker. It is empty until something is put or computed into it. */
export class TensorHandle implements InWorker {
  readonly worker: WorkerCommands;
  readonly name: string;
  readonly id: string;

  constructor(worker: WorkerCommands, name: string) {
    this.worker = worker;
    this.name = name;
    this.id = idOf(name);
  }

  /** Moves a tensor into the worker, in the place of what was there. */
  put(tensor: TensorData): Promise<void> {
    return this.worker.put([[this, tensor]]);
  }

  /** A copy of the tensor. */
  read(): Promise<TensorData> {
    return this.worker.read(this);
  }
}

/** A key-value cache in one worker, which steps append to. There is none until `reset` was called. */
export class CacheHandle implements InWorker {
  readonly worker: WorkerCommands;
  readonly name: string;
  readonly id: string;

  constructor(worker: WorkerCommands, name: string) {
    this.worker = worker;
    this.name = name;
    this.id = idOf(name);
  }

  /** Makes an empty cache of a shape, in the place of the earlier one. */
  reset(shape: CacheShape): Promise<void> {
    return this.worker.makeCache(this, shape);
  }
}

/** A graph that is open in some workers. */
export class Session {
  readonly name: string;
  readonly id: string;
  readonly workers: readonly WorkerCommands[];
  /** Names of the graph's inputs, all of which a run must be fed, and of its outputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];

  constructor(name: string, graph: Pick<GraphIR, 'inputs' | 'outputs'>, workers: readonly WorkerCommands[]) {
    this.name = name;
    this.id = idOf(name);
    this.workers = workers;
    this.inputs = graph.inputs.map((input) => input.name);
    this.outputs = graph.outputs.map((output) => output.name);
  }
}

/** The source of a graph's input: a tensor by value, or one that the worker stores. */
export type Feed = TensorData | TensorHandle | CacheHandle;
export type Feeds = Readonly<Record<string, Feed>>;

/** Puts rows of an output into a cache. */
export interface Append extends CacheRows {
  readonly output: string;
  readonly cache: CacheHandle;
}

/** One run of a session. */
export interface Step {
  readonly session: Session;
  /** One for each input of the session. */
  readonly feeds: Feeds;
  /** Outputs to send back. */
  readonly fetch?: readonly string[] | undefined;
  /** Outputs that stay in the worker, by name, and where. */
  readonly keep?: Readonly<Record<string, TensorHandle>> | undefined;
  readonly append?: readonly Append[] | undefined;
  /** float32 outputs that are added to tensors, or become them where they are empty. */
  readonly add?: Readonly<Record<string, TensorHandle>> | undefined;
}

/** Tensors of one worker: a parameter, its gradient, and what AdamW remembers of the gradients. */
export interface Learning {
  readonly parameter: TensorHandle;
  readonly gradient: TensorHandle;
  readonly mean: TensorHandle;
  readonly variance: TensorHandle;
  readonly weightDecay: number;
}

/** A tensor in a file of several. */
export interface FileTensor {
  readonly tensor: TensorHandle;
  readonly dims: readonly number[];
}

/** A step as a message. Throws `ENGINE_FAILED` if an input of the session is not fed, or with what another worker has. */
export function messageOf(worker: WorkerCommands, step: Step): StepMessage {
  const { session, fetch = [], keep = {}, append = [], add = {} } = step;
  const own = (handle: TensorHandle | CacheHandle): string => {
    if (handle.worker === worker) return handle.id;
    throw fault(session, `${handle.name} is in another worker.`);
  };
  const feeds: Record<string, FeedMessage> = {};
  for (const input of session.inputs) {
    const feed = step.feeds[input];
    if (feed === undefined) throw fault(session, `Input ${input} is not fed.`);
    if (feed instanceof TensorHandle) feeds[input] = { tensor: own(feed) };
    else feeds[input] = feed instanceof CacheHandle ? { cache: own(feed) } : feed;
  }
  const idsOf = (handles: Readonly<Record<string, TensorHandle>>) =>
    Object.fromEntries(Object.entries(handles).map(([output, handle]) => [output, own(handle)]));
  return {
    session: session.id,
    feeds,
    fetch,
    keep: idsOf(keep),
    append: append.map((one) => ({ ...one, cache: own(one.cache) })),
    add: idsOf(add),
  };
}

const fault = ({ name }: Session, message: string): MoepressError =>
  new MoepressError('ENGINE_FAILED', { message, where: name });
