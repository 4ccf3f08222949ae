import type { GenerateOptions } from '@moepress/core';
import { type Layout, rowOf } from '../tokens/token-layout.js';
import type { Chooser, Place } from './choose.js';

/** How many tokens are generated for prompts, and how each next token is chosen. */
export interface SamplingOptions extends GenerateOptions {
  /** Without one every token is the most probable one. */
  readonly chooser?: Chooser;
}

/** Packed row of each sequence's last token. */
export function lastRows(layout: Layout): number[] {
  return layout.sequences.map((_, b) => rowOf(layout, b, layout.lengths[b]! - 1));
}

function isFinished(
  newIds: readonly number[],
  index: number,
  { eosTokenIds, maxNewTokens, stop }: Pick<GenerateOptions, 'eosTokenIds' | 'maxNewTokens' | 'stop'>,
): boolean {
  if (stop?.(newIds, index)) return true;
  return eosTokenIds.includes(newIds.at(-1)!) || newIds.length >= maxNewTokens;
}

/** The share of a batch's sequences that must have ended for its caches to be copied without them. */
const leastLeaving = 0.25;

/** Sequences that grow by a token each step, side by side. */
export class Decoding {
  #indices: readonly number[];
  readonly #results: readonly number[][];
  readonly #options: SamplingOptions;
  #finished: boolean[];
  #lengths: number[];
  #left = 0;
  #newest: readonly number[] | null = null;

  /** `indices` are those of the sequences in `results`, which receives new tokens; `lengths` are those of the prompts. */
  constructor(
    indices: readonly number[],
    lengths: ArrayLike<number>,
    results: readonly number[][],
    options: SamplingOptions,
  ) {
    this.#indices = indices;
    this.#results = results;
    this.#options = options;
    this.#lengths = Array.from(lengths);
    this.#finished = indices.map(() => false);
  }

  get indices(): readonly number[] {
    return this.#indices;
  }

  /** The newest token of each sequence, which the next step computes; null: those of the prompts are. */
  get newest(): readonly number[] | null {
    return this.#newest;
  }

  /** Tokens of each sequence before the newest one. */
  get past(): readonly number[] {
    return this.#newest ? this.#lengths.map((length) => length - 1) : this.#lengths.map(() => 0);
  }

  get isDone(): boolean {
    return this.#finished.every(Boolean);
  }

  /** Which sequences go on. */
  get isOpen(): readonly boolean[] {
    return this.#finished.map((isFinished) => !isFinished);
  }

  /** Sequences that have ended, those that have left among them. */
  get finished(): number {
    return this.#left + this.#finished.filter(Boolean).length;
  }

  /**
   * Lets the sequences that have ended leave, if they are a quarter of all and others go on: yields the places of those that
   * stay, which are numbered anew. Null: all stay.
   */
  leave(): readonly number[] | null {
    const ended = this.#finished.filter(Boolean).length;
    if (ended === 0 || this.isDone || ended < leastLeaving * this.#finished.length) return null;
    const kept = [...this.#finished.keys()].filter((b) => !this.#finished[b]);
    const stay = <T>(all: readonly T[]): T[] => kept.map((b) => all[b]!);
    this.#left += ended;
    this.#indices = stay(this.#indices);
    this.#lengths = stay(this.#lengths);
    this.#finished = stay(this.#finished);
    this.#newest = this.#newest && stay(this.#newest);
    return kept;
  }

  /** Where the sequences go on, by the likeliest token of each and its row in the hidden states (by default its own number). */
  places(likeliest: ArrayLike<number>, rows?: readonly number[]): Place[] {
    return this.#indices.map((index, b) => ({
      index,
      row: rows ? rows[b]! : b,
      likeliest: likeliest[b]!,
      newIds: this.#results[index]!,
      isOpen: !this.#finished[b],
    }));
  }

  /** Takes the tokens that follow, one for each sequence; those of finished ones are of no interest. */
  take(tokens: ArrayLike<number>): void {
    for (const [b, index] of this.#indices.entries()) {
      if (this.#finished[b]) continue;
      const ids = this.#results[index]!;
      ids.push(tokens[b]!);
      this.#finished[b] = isFinished(ids, index, this.#options);
    }
    this.#newest = Array.from(tokens);
    for (const b of this.#lengths.keys()) this.#lengths[b]!++;
  }
}
