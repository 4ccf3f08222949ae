import { type Model, throwIfAborted, type Work } from '@moepress/core';
import {
  expertsGraph,
  type MoeBlock,
  mixingBlocks,
  type Stretch,
  stretchesOf,
  stretchGraph,
  sumInput,
} from '../decoder/divided.js';
import type { Engine } from '../engine/engine.js';
import type { Session, TensorHandle } from '../engine/handles.js';
import { tensor } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';
import { assertModelFinite } from '../forward/finite.js';
import type { TokenPicker } from './choose.js';
import { appends, cacheFeeds, type Growth, growthOf } from './decoder.js';
import type { Decoding } from './decoding.js';
import type { Lane } from './prefill.js';

/** The share of its time that dividing must save at least. */
const leastSaved = 0.15;

/** Multiplications that take as long as converting a number of a narrow type. */
const conversion = 8;

/**
 * Whether experts are better divided among workers than sequences: with lanes of these sizes each worker would convert
 * nearly all experts for a part of the rows. Experts that `rows` tokens meet are counted as if each chose at random.
 */
export function isWorthDividing(
  model: Model,
  lanes: readonly number[],
  { workers, leastProducts }: Pick<Engine, 'workers' | 'leastProducts'>,
): boolean {
  const moe = model.blocks.filter((block): block is MoeBlock => block.ffn.kind === 'moe');
  if (workers.length < 2 || moe.length === 0) return false;
  const rows = lanes.reduce((sum, count) => sum + count, 0);
  const numbers = (count: number) =>
    moe.reduce((sum, { ffn }) => {
      const each = 3 * model.config.hiddenSize * (ffn.pool[0]?.width ?? 0);
      return sum + ffn.pool.length * (1 - (1 - ffn.router.topK / ffn.slots.length) ** count) * each;
    }, 0) / moe.length;
  const apart = Math.max(...lanes.map(numbers));
  const saved = apart - numbers(rows) / workers.length;
  return saved > leastSaved * apart && conversion * saved >= leastProducts;
}

/** A lane that grows, and what its worker keeps of it between two stretches. */
interface Growing {
  readonly lane: Lane;
  readonly decoding: Decoding;
}

/**
 * A model whose experts are divided among the workers: each has the tokens of its own lane in attention, and those of all
 * lanes in its share of the experts, so that a weight of an expert is read and converted once for all of them. Between the
 * two what experts see, and what they make, goes from worker to worker.
 */
export class DividedDecoder {
  readonly #model: Model;
  readonly #workers: Engine['workers'];
  readonly #stretches: readonly (Stretch & { readonly session: Session })[];
  /** Of each block with experts, by worker. */
  readonly #experts: readonly (readonly Session[])[];

  private constructor(
    model: Model,
    { workers }: Engine,
    stretches: readonly (Stretch & { readonly session: Session })[],
    experts: readonly (readonly Session[])[],
  ) {
    this.#model = model;
    this.#workers = workers;
    this.#stretches = stretches;
    this.#experts = experts;
  }

  /** Its sessions stay open as long as the pool's scope. Throws `ABORTED` between two of them. */
  static async open(
    sessions: SessionPool,
    model: Model,
    engine: Engine,
    { signal }: Pick<Work, 'signal'> = {},
  ): Promise<DividedDecoder> {
    const { workers } = engine;
    const stretches: (Stretch & { readonly session: Session })[] = [];
    const experts: Session[][] = [];
    for (const [i, stretch] of stretchesOf(model).entries()) {
      const graph = () => stretchGraph(model, stretch, workers.length);
      stretches.push({ ...stretch, session: await sessions.open(`stretch.${i}`, graph) });
      throwIfAborted(signal);
      const { next } = stretch;
      if (!next) continue;
      const opening = workers.map((worker, w) => {
        const members = [...next.ffn.pool.keys()].filter((e) => e % workers.length === w);
        const own = () => expertsGraph(model, next, members);
        return sessions.open(`experts.${i}.${w}`, own, { workers: [worker] });
      });
      experts.push(await Promise.all(opening));
      throwIfAborted(signal);
    }
    return new DividedDecoder(model, engine, stretches, experts);
  }

  /** The token that follows the newest one of each sequence of some lanes, each in a worker of its own. */
  async next(lanes: readonly Growing[], picker: TokenPicker): Promise<void> {
    const growing = lanes.map(({ lane, decoding }) => growthOf(this.#model, { lane, decoding, picker }));
    const counts = lanes.map(({ lane }) => lane.indices.length);
    let sums: readonly Float32Array[] | null = null;
    for (const [i, stretch] of this.#stretches.entries()) {
      const results = await this.#through(stretch, growing, { counts, sums });
      if (stretch.next) {
        sums = await this.#expertSums(
          i,
          results.map(({ ffnInputOut }) => ffnInputOut!.data as Float32Array),
        );
        continue;
      }
      await Promise.all(
        results.map(async ({ token, finite }, l) => {
          await assertModelFinite(this.#model, Number(finite!.data[0]));
          const { lane, decoding } = lanes[l]!;
          const places = decoding.places(token!.data as Int32Array);
          decoding.take(await picker.pick(lane.hidden, places));
        }),
      );
    }
  }

  #through(
    { session, ...stretch }: Stretch & { readonly session: Session },
    growing: readonly Growth[],
    { counts, sums }: { readonly counts: readonly number[]; readonly sums: readonly Float32Array[] | null },
  ) {
    const rows = counts.reduce((sum, count) => sum + count, 0);
    let first = 0;
    const running = growing.map(async (growth, l) => {
      const { lane, picker, common } = growth;
      const count = counts[l]!;
      const from = first;
      first += count;
      const own = (sums ?? []).map((sum, i) => {
        const width = sum.length / rows;
        const data = sum.slice(from * width, (from + count) * width);
        return [sumInput(i), tensor('float32', [count, width], data)];
      });
      const blocks = mixingBlocks(stretch);
      const kept = { residual: lane.hidden, ffnInput: lane.normed };
      const next: Record<string, TensorHandle> = { residualOut: lane.hidden, ffnInputOut: lane.normed };
      const last: Record<string, TensorHandle> = picker.isNeeded ? { hiddenOut: lane.hidden } : {};
      const [results] = await lane.worker.run([
        {
          session,
          feeds: { ...common, ...kept, ...Object.fromEntries(own), ...cacheFeeds(blocks, growth) },
          fetch: stretch.next ? ['ffnInputOut'] : ['token', 'finite'],
          keep: stretch.next ? next : last,
          append: appends(blocks, growth),
        },
      ]);
      return results!;
    });
    return Promise.all(running);
  }

  /** What each worker's experts of the i-th block with experts make of the inputs of all lanes. */
  async #expertSums(i: number, inputs: readonly Float32Array[]): Promise<Float32Array[]> {
    const { hiddenSize } = this.#model.config;
    const length = inputs.reduce((sum, own) => sum + own.length, 0);
    return Promise.all(
      this.#workers.map(async (worker, w) => {
        const data = new Float32Array(length);
        let at = 0;
        for (const own of inputs) {
          data.set(own, at);
          at += own.length;
        }
        const x = tensor('float32', [length / hiddenSize, hiddenSize], data);
        const [results] = await worker.run([
          { session: this.#experts[i]![w]!, feeds: { x }, fetch: ['sum'] },
        ]);
        return results!.sum!.data as Float32Array;
      }),
    );
  }
}
