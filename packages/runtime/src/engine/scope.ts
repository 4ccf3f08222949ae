import { MoepressError } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import { CacheHandle, Session, TensorHandle, type WorkerCommands } from './handles.js';

/** The changes that an engine makes to the graphs that it opens. */
export interface GraphPreparation {
  /** The graph in the form that the device needs. */
  prepare(graph: GraphIR): GraphIR;
  /** Called before a session opens and after it has closed. The first may refuse it by throwing. */
  opening(session: Session, graph: GraphIR): void;
  closed(session: Session): void;
}

const asItIs: GraphPreparation = { prepare: (graph) => graph, opening() {}, closed() {} };

export interface OpenOptions {
  /** The name in messages; by default the graph's name. */
  readonly name?: string;
  /** See `Placement`; false by default. */
  readonly arena?: boolean;
  /** The workers that it opens in; all of the scope's by default. */
  readonly workers?: readonly WorkerCommands[];
}

/** Sessions, tensors and caches that belong together. Nobody else can name them, and closing the scope frees them all. */
export class EngineScope {
  readonly workers: readonly WorkerCommands[];
  readonly #preparation: GraphPreparation;
  readonly #onClose: (scope: EngineScope) => void;
  readonly #sessions = new Set<Session>();
  readonly #handles = new Set<TensorHandle | CacheHandle>();
  #isClosed = false;

  /** `onClose` is called once the scope is closed. */
  constructor(
    workers: readonly WorkerCommands[],
    preparation: GraphPreparation = asItIs,
    onClose: (scope: EngineScope) => void = () => {},
  ) {
    this.workers = workers;
    this.#preparation = preparation;
    this.#onClose = onClose;
  }

  /** Opens a graph. Throws `ENGINE_FAILED` if its weights exceed what a device may hold of them. */
  async open(graph: GraphIR, options: OpenOptions = {}): Promise<Session> {
    this.#check();
    const { name = graph.name, arena = false, workers = this.workers } = options;
    const prepared = this.#preparation.prepare(graph);
    const session = new Session(name, prepared, workers);
    this.#preparation.opening(session, prepared);
    this.#sessions.add(session);
    try {
      await settled(workers.map((worker) => worker.open(session, prepared, { arena })));
    } catch (error) {
      await this.#closeSessions([session]).catch(() => {});
      throw error;
    }
    return session;
  }

  /** Closes a session before the rest of the scope. */
  async closeSession(session: Session): Promise<void> {
    if (this.#sessions.has(session)) await this.#closeSessions([session]);
  }

  /** Calls `use` with a session that is closed afterwards. */
  async with<R>(graph: GraphIR, use: (session: Session) => Promise<R>, options?: OpenOptions): Promise<R> {
    const session = await this.open(graph, options);
    return closing(
      () => use(session),
      () => this.closeSession(session),
    );
  }

  /** An empty tensor in a worker. */
  tensor(worker: WorkerCommands, name: string): TensorHandle {
    this.#check();
    const handle = new TensorHandle(worker, name);
    this.#handles.add(handle);
    return handle;
  }

  /** A key-value cache in a worker, to be made by `reset`. */
  cache(worker: WorkerCommands, name: string): CacheHandle {
    this.#check();
    const handle = new CacheHandle(worker, name);
    this.#handles.add(handle);
    return handle;
  }

  /** Frees tensors and caches before the rest of the scope. */
  async free(handles: Iterable<TensorHandle | CacheHandle>): Promise<void> {
    const own = new Map<WorkerCommands, (TensorHandle | CacheHandle)[]>();
    for (const handle of handles) {
      if (!this.#handles.delete(handle)) continue;
      const group = own.get(handle.worker);
      if (group) group.push(handle);
      else own.set(handle.worker, [handle]);
    }
    await settled([...own].map(([worker, group]) => worker.free(group)));
  }

  /** Closes its sessions and frees its tensors and caches. To be called when nothing of it runs any more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      // Tensors before the sessions that have computed them: see `TensorStore.detachFromSession`.
      await settled([this.free(this.#handles), this.#closeSessions([...this.#sessions])]);
    } finally {
      this.#onClose(this);
    }
  }

  async #closeSessions(sessions: readonly Session[]): Promise<void> {
    for (const session of sessions) this.#sessions.delete(session);
    const workers = new Set(sessions.flatMap((session) => session.workers));
    try {
      await settled(
        [...workers].map((worker) => worker.close(sessions.filter((one) => one.workers.includes(worker)))),
      );
    } finally {
      for (const session of sessions) this.#preparation.closed(session);
    }
  }

  #check(): void {
    if (!this.#isClosed) return;
    throw new MoepressError('ENGINE_FAILED', { message: 'The scope is closed.', where: 'engine' });
  }
}

/** Calls `use`, then `close` whatever happened. A failure of `use` counts more than one of closing. */
export async function closing<R>(use: () => Promise<R>, close: () => Promise<void>): Promise<R> {
  let result: R;
  try {
    result = await use();
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
  await close();
  return result;
}

/** Waits for all, then throws the first failure. */
export async function settled(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
