import { MoepressError } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import type { CacheRows, CacheShape, FeedMessage, StepMessage, TensorData } from './protocol.js';
import type { EngineWorker } from './worker.js';

/** Something that lives in one worker. */
export interface InWorker {
  readonly worker: EngineWorker;
}

let made = 0;

/** No two sessions, tensors or caches of this process have the same; the name is for whoever reads messages. */
const idOf = (name: string): string => `${name}#${made++}`;

/** A place for one tensor in the memory of one worker. It is empty until something is put or computed into it. */
export class TensorHandle implements InWorker {
  readonly worker: EngineWorker;
  readonly name: string;
  readonly id: string;

  constructor(worker: EngineWorker, name: string) {
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
  readonly worker: EngineWorker;
  readonly name: string;
  readonly id: string;

  constructor(worker: EngineWorker, name: string) {
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
  readonly workers: readonly EngineWorker[];
  /** Names of the graph's inputs, all of which a run must be fed, and of its outputs. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];

  constructor(name: string, graph: Pick<GraphIR, 'inputs' | 'outputs'>, workers: readonly EngineWorker[]) {
    this.name = name;
    this.id = idOf(name);
    this.workers = workers;
    this.inputs = graph.inputs.map((input) => input.name);
    this.outputs = graph.outputs.map((output) => output.name);
  }
}

/** What an input of a graph is fed: a tensor by value, or something that the worker has. */
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

/** A step as a message. Throws `ENGINE_FAILED` if an input of the session is not fed, or with what another worker has. */
export function messageOf(worker: EngineWorker, step: Step): StepMessage {
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
