import type { FewModel, FewSetup, FewToken } from './few-model.js';
import type { RunSession, WideSessions } from './wide-products.js';

/** Keys and values [kvHeads, tokens, D] of a sequence from a position on. */
export interface TakenPart {
  readonly sequence: number;
  readonly start: number;
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/** What a thread of a team is told to do; all threads of the team are told the same. See `FewModel`. */
export type FewOrder =
  | { readonly kind: 'open'; readonly setup: FewSetup }
  | { readonly kind: 'widen'; readonly sessions: WideSessions }
  | { readonly kind: 'begin'; readonly sequences: number; readonly capacity: number }
  | { readonly kind: 'take'; readonly block: number; readonly parts: readonly TakenPart[] }
  | {
      readonly kind: 'next';
      readonly newest: readonly FewToken[];
      /** Tokens of each sequence that follow one another, one where logits are wanted. */
      readonly times: number;
      readonly wantsLogits: boolean;
    }
  | { readonly kind: 'end' }
  | { readonly kind: 'close' };

/** What an order yields, as tensors by name. */
type Yield = Readonly<
  Record<
    string,
    | { readonly dtype: 'int32'; readonly dims: readonly number[]; readonly data: Int32Array }
    | { readonly dtype: 'float32'; readonly dims: readonly number[]; readonly data: Float32Array }
    | { readonly dtype: 'float64'; readonly dims: readonly number[]; readonly data: Float64Array }
  >
>;

/** The part of one thread in continuing a few sequences. */
export class FewMember {
  #model: FewModel | null = null;
  #setup: FewSetup | null = null;
  readonly #run: RunSession;
  readonly #onDrop: (bytes: number) => void;

  /** `run` runs a session of the thread; `onDrop` hears of memory that nobody reads any more. */
  constructor(run: RunSession, onDrop: (bytes: number) => void) {
    this.#run = run;
    this.#onDrop = onDrop;
  }

  /** `open` yields `fits` [1]: 0 if the machine has no memory for the weights; `next` what `FewModel.next` does. */
  async follow(order: FewOrder): Promise<readonly Yield[]> {
    switch (order.kind) {
      case 'open':
        return [{ fits: float64(Number(await this.#open(order.setup))) }];
      case 'widen':
        this.#opened.widen(order.sessions, this.#run);
        return [];
      case 'begin':
        this.#opened.begin(order.sequences, order.capacity);
        return [];
      case 'take':
        for (const part of order.parts) this.#opened.take(order.block, part);
        this.#onDrop(takenBytes(order.parts));
        return [];
      case 'next':
        return this.#next(order);
      case 'end':
        this.#opened.end();
        return [];
      case 'close':
        await this.close();
        return [];
    }
  }

  get #opened(): FewModel {
    if (!this.#model) throw new Error('No model is open for a few sequences.');
    return this.#model;
  }

  async #open(setup: FewSetup): Promise<boolean> {
    await this.close();
    // Most threads continue no sequence, and need not wait for what it takes.
    const { FewModel } = await import('./few-model.js');
    try {
      this.#model = new FewModel(setup, this.#onDrop);
      this.#setup = setup;
      await this.#model.open();
      return true;
    } catch (error) {
      await this.close();
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  /** The first thread tells what all have found. */
  async #next({
    newest,
    times,
    wantsLogits,
  }: FewOrder & { readonly kind: 'next' }): Promise<readonly Yield[]> {
    const isFirst = this.#setup!.index === 0;
    const { vocabSize } = this.#setup!.model.config;
    const count = newest.length;
    const all = new Int32Array(times * count);
    let total = 0;
    let last: Float32Array | null = null;
    for (let time = 0, next = newest; time < times; time++) {
      const { tokens, sum, logits } = await this.#opened.next(next, wantsLogits && isFirst);
      all.set(tokens, time * count);
      total += sum;
      last = logits;
      next = next.map((token, row) => ({ ...token, id: tokens[row]!, position: token.position + 1 }));
    }
    if (!isFirst) return [];
    return [
      {
        token: { dtype: 'int32', dims: [times, count], data: all },
        finite: float64(total),
        ...(last && { logits: { dtype: 'float32', dims: [count, vocabSize], data: last } }),
      },
    ];
  }

  async close(): Promise<void> {
    await this.#model?.close();
    this.#model = null;
    this.#setup = null;
  }
}

/** Bytes of keys and values that are handed over: what sequences share is one buffer. */
export function takenBytes(parts: readonly TakenPart[]): number {
  const buffers = new Set(parts.flatMap(({ key, value }) => [key.buffer, value.buffer]));
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

const float64 = (value: number) => ({ dtype: 'float64', dims: [1], data: Float64Array.of(value) }) as const;
