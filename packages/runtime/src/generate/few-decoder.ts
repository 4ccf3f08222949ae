import { type AttentionBlock, attentionBlocks, type Model } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { Garbage } from '../engine/garbage.js';
import type { WorkerCommands } from '../engine/handles.js';
import type { Results } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';
import { boardBytes } from '../few/board.js';
import { type FewOrder, type TakenPart, takenBytes } from '../few/few-member.js';
import { fewSequences, fewThreadBytes, isSmall } from '../few/few-plan.js';
import { giveUp } from '../few/team.js';
import { leastWideRows, wideGraph, wideMatrices } from '../few/wide-products.js';
import { assertModelFinite } from '../forward/finite.js';
import type { TokenPicker } from './choose.js';
import type { Decoding } from './decoding.js';
import type { Lane } from './prefill.js';

/** Tokens that come at once at most, and how long they may take. */
const [mostAtOnce, mostMilliseconds] = [8, 50];

/** Sequences of some lanes, whose prompts have been computed. */
export interface FewLane {
  readonly lane: Lane;
  readonly decoding: Decoding;
}

interface FewOptions {
  /** Where graphs stay open that multiply with what all tokens meet, once there are many sequences; null: there are none. */
  readonly sessions: SessionPool | null;
}

/**
 * Continues a few sequences without ONNX Runtime: all workers of the engine together take a token of each through the whole
 * model, see `FewModel`. Only chosen experts are read, once.
 */
export class FewDecoder {
  readonly #engine: Engine;
  readonly #model: Model;
  /** The workers of the engine when this was opened, and those that take part. */
  readonly #all: Engine['workers'];
  readonly #team: Engine['workers'];
  readonly #shared: SharedArrayBuffer;
  readonly #sessions: SessionPool | null;
  #isUsable = true;
  #isWide = false;
  #hasBegun = false;
  /** Tokens that threads make before they tell of them. */
  #atOnce = 1;

  private constructor(
    engine: Engine,
    model: Model,
    { most, sessions }: FewOptions & { readonly most: number },
  ) {
    this.#engine = engine;
    this.#sessions = sessions;
    this.#all = engine.workers;
    const isAlone = engine.leastProducts > 0 && isSmall(model);
    this.#team = isAlone ? engine.workers.slice(0, 1) : engine.workers;
    this.#shared = new SharedArrayBuffer(boardBytes(model, most));
    this.#model = model;
  }

  /** Null if the machine has no memory for the weights. Throws what reading them throws. */
  static async open(engine: Engine, model: Model, { sessions }: FewOptions): Promise<FewDecoder | null> {
    const { workers, fewBytes } = engine;
    const most = fewSequences(model, fewBytes, workers.length);
    const decoder = new FewDecoder(engine, model, { most, sessions });
    const shared = decoder.#shared;
    const count = decoder.#team.length;
    const bytes = Math.floor(fewBytes / count) - fewThreadBytes;
    const setup = { model, shared, count, bytes, most };
    let fits = false;
    try {
      const outcomes = await decoder.#tellAll((index) => ({ kind: 'open', setup: { ...setup, index } }));
      fits = outcomes.every(([result]) => result!.fits!.data[0] === 1);
    } finally {
      if (!fits) await decoder.close();
    }
    return fits ? decoder : null;
  }

  /** Gives back what the threads hold, whatever has become of them. */
  async close(): Promise<void> {
    this.#isUsable = false;
    await Promise.allSettled(this.#team.map((worker) => worker.few({ kind: 'close' })));
  }

  /** False once a call has failed, for the threads no longer agree on where they are, or the engine has other workers. */
  get isUsable(): boolean {
    return this.#isUsable && this.#all === this.#engine.workers;
  }

  /** Whether it may have read experts. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Takes over the keys and values of the lanes' prompts, for sequences of up to `capacity` tokens. */
  async begin(lanes: readonly FewLane[], capacity: number): Promise<void> {
    const sequences = lanes.reduce((sum, { lane }) => sum + lane.indices.length, 0);
    this.#hasBegun = true;
    if (sequences >= leastWideRows) await this.#widen();
    this.#atOnce = 1;
    await this.#tellAll(() => ({ kind: 'begin', sequences, capacity }));
    const garbage = new Garbage();
    // One block after the other, because what is handed over stands in memory twice.
    for (const block of attentionBlocks(this.#model)) {
      garbage.addBytes(await this.#handOver(block, lanes));
      garbage.sweep();
    }
  }

  /** Gives the threads the keys and values of a block: yields their bytes, which this thread must let go too. */
  async #handOver(block: AttentionBlock, lanes: readonly FewLane[]): Promise<number> {
    const parts = await this.#partsOf(block, lanes);
    const place = this.#model.blocks.indexOf(block);
    await this.#tellAll(() => ({ kind: 'take', block: place, parts }));
    return takenBytes(parts);
  }

  /** Forgets the sequences of `begin`, and gives back the memory of their keys and values. */
  async end(): Promise<void> {
    if (this.#isUsable) await this.#tellAll(() => ({ kind: 'end' }));
  }

  /** Opens the graphs for many sequences, which stay open. */
  async #widen(): Promise<void> {
    const pool = this.#sessions;
    if (this.#isWide || !pool) return;
    const matrices = wideMatrices(this.#model);
    const opened = this.#team.map(async (worker, w) => {
      const ids: (string | null)[] = [];
      for (const [i, matrix] of matrices.entries()) {
        const graph = wideGraph(matrix, w, this.#team.length);
        const workers = [worker];
        ids.push(graph && (await pool.open(`few.${i}.${w}`, () => graph, { workers })).id);
      }
      return ids;
    });
    const sessions = await Promise.all(opened);
    await this.#tellAll((index) => ({ kind: 'widen', sessions: sessions[index]! }));
    this.#isWide = true;
  }

  async #partsOf({ index }: AttentionBlock, lanes: readonly FewLane[]): Promise<TakenPart[]> {
    let first = 0;
    const parts: TakenPart[] = [];
    for (const { lane, decoding } of lanes) {
      const { sharedKey, sharedValue, pastKey, pastValue } = lane.caches.get(index)!;
      const shared = { sequence: 0, tokens: lane.shared };
      const own = lane.indices.map((_, b) => ({ sequence: b, tokens: decoding.past[b]! - lane.shared }));
      const copies = await lane.worker.share([
        ...[sharedKey!, sharedValue!].map((cache) => ({ cache, ...shared })),
        ...own.flatMap((rows) => [pastKey!, pastValue!].map((cache) => ({ cache, ...rows }))),
      ]);
      for (const b of lane.indices.keys()) {
        const sequence = first + b;
        parts.push({ sequence, start: 0, key: copies[0]!, value: copies[1]! });
        const [key, value] = [copies[2 + 2 * b]!, copies[3 + 2 * b]!];
        parts.push({ sequence, start: lane.shared, key, value });
      }
      first += lane.indices.length;
    }
    return parts;
  }

  /**
   * Tokens that follow the newest one of each sequence that goes on, at most `most`: yields how many. Where nobody chooses, some come at
   * once, as many as take no longer than a reader notices. The lanes are those of `begin`, in their order.
   */
  async next(lanes: readonly FewLane[], picker: TokenPicker, most: number): Promise<number> {
    const all = lanes.flatMap(({ lane, decoding }) => lane.indices.map((_, b) => ({ decoding, b })));
    const open = [...all.entries()].filter(([, { decoding, b }]) => decoding.isOpen[b]);
    const newest = open.map(([sequence, { decoding, b }]) => ({
      ...{ sequence, id: decoding.newest![b]!, position: decoding.past[b]! },
    }));
    const times = picker.isNeeded ? 1 : Math.min(most, this.#atOnce);
    const order = { kind: 'next', newest, times, wantsLogits: picker.isNeeded } as const;
    const began = performance.now();
    const [results] = await this.#tellAll(() => order);
    const each = (performance.now() - began) / times;
    this.#atOnce = Math.max(1, Math.min(mostAtOnce, Math.floor(mostMilliseconds / each)));
    const { token, finite, logits } = results![0]!;
    await assertModelFinite(this.#model, Number(finite!.data[0]));
    for (let time = 0; time < times; time++) {
      const rowOf = new Map(open.map(([sequence], row) => [sequence, time * open.length + row]));
      const likeliest = (sequence: number) => Number(token!.data[rowOf.get(sequence) ?? 0]);
      const places = open.map(([sequence, { decoding, b }], row) => ({
        ...decoding.places(decoding.indices.map(() => likeliest(sequence)))[b]!,
        row,
      }));
      const chosen = logits
        ? await picker.pickBy(logits.data as Float32Array, places)
        : places.map((place) => place.likeliest);
      const tokens = new Map(open.map(([sequence], row) => [sequence, chosen[row]!]));
      let first = 0;
      for (const { lane, decoding } of lanes) {
        decoding.take(lane.indices.map((_, b) => tokens.get(first + b) ?? 0));
        first += lane.indices.length;
      }
      if (lanes.every(({ decoding }) => decoding.isDone)) return time + 1;
    }
    return times;
  }

  async #tell(worker: WorkerCommands, order: FewOrder): Promise<Results> {
    try {
      return await worker.few(order);
    } catch (error) {
      giveUp(this.#shared);
      throw error;
    }
  }

  /** Gives an order to all threads and waits for all of them, whatever one of them meets with. */
  async #tellAll(orderOf: (index: number) => FewOrder): Promise<Results[]> {
    const outcomes = await Promise.allSettled(this.#team.map((worker, i) => this.#tell(worker, orderOf(i))));
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (failed.length > 0) {
      this.#isUsable = false;
      // A thread that has only waited for another one has nothing to tell.
      const told = failed.find(({ reason }) => !String(reason?.message).includes('given up'));
      throw (told ?? failed[0]!).reason;
    }
    return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }
}
