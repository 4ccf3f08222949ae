import type { GraphIR } from '@moepress/graph';
import type { EngineWorker } from '../engine/worker.js';

/** Sessions of one worker, opened when they are first used; at most `most` of them stay open. */
export class Sessions {
  readonly worker: EngineWorker;
  readonly #most: number;
  /** Names of the outputs by session, the one used last at the end. */
  readonly #open = new Map<string, readonly string[]>();

  constructor(worker: EngineWorker, most = Number.POSITIVE_INFINITY) {
    this.worker = worker;
    this.#most = most;
  }

  /** Makes sure that a session is open; yields the names of its outputs. */
  async use(session: string, graph: () => GraphIR): Promise<readonly string[]> {
    const outputs = this.#open.get(session) ?? (await this.#add(session, graph()));
    this.#open.delete(session);
    this.#open.set(session, outputs);
    return outputs;
  }

  async #add(session: string, graph: GraphIR): Promise<readonly string[]> {
    for (const oldest of [...this.#open.keys()].slice(0, Math.max(0, this.#open.size + 1 - this.#most))) {
      this.#open.delete(oldest);
      await this.worker.close(oldest);
    }
    await this.worker.open(session, graph);
    return graph.outputs.map(({ name }) => name);
  }
}
