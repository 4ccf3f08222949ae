import { setImmediate } from 'node:timers/promises';
import { type Progress, silent, type TokenSequence } from '@moepress/core';
import type { Choice, ModelRunner, TokenScore } from '@moepress/runtime';
import { orAborted } from '../aborted.js';
import { Batches } from '../batches.js';
import type { Continuation } from './continuation.js';

/** Tokens of one request that are computed at once; then it is the turn of others. */
const turnTokens = 2 ** 15;

/** New tokens that count in it: how many will come of those that may nobody knows. */
const expectedTokens = 256;

/** Milliseconds that tokens are chosen at a stretch before others are heard. */
const stretch = 10;

/** What answers requests. */
export type ServedRunner = Pick<ModelRunner, 'maxLength' | 'scoreTokens' | 'generate'>;

/** A runner for requests that come at any time: those that wait together are computed together. */
export class ServedEngine {
  readonly #runner: ServedRunner;
  readonly #batches = new Batches();
  readonly #progress: Progress;

  /** `progress` is told what memory answering takes, whenever that is more than before. */
  constructor(runner: ServedRunner, progress: Progress = silent) {
    this.#runner = runner;
    let most = 0;
    this.#progress = (event) => {
      if (event.type !== 'memory' || event.predicted <= most) return;
      most = event.predicted;
      progress(event);
    };
  }

  /** Tokens of the longest sequence the model was made for. */
  get maxLength(): number {
    return this.#runner.maxLength;
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#batches.waiting;
  }

  /** See `ModelRunner.scoreTokens`. Throws the reason of the signal as soon as it fires. */
  async scoreTokens(items: readonly TokenSequence[], signal: AbortSignal): Promise<readonly TokenScore[][]> {
    const scores: TokenScore[][] = [];
    for (const turn of turnsOf(items.map((item) => ({ item, length: item.ids.length })))) {
      const asked = this.#batches.ask(
        'score',
        turn,
        (together, stop) =>
          this.#runner.scoreTokens(
            together.map(({ item }) => item),
            { signal: stop, progress: this.#progress },
          ),
        signal,
      );
      scores.push(...(await orAborted(asked, signal)));
    }
    return scores;
  }

  /**
   * Continues prompts, beside those of others, until each has ended; one that ends early is told of while others go on.
   * Throws the reason of the signal as soon as it fires.
   */
  async generate(continuations: readonly Continuation[], signal: AbortSignal): Promise<void> {
    const turns = turnsOf(
      continuations.map((continuation) => ({
        continuation,
        length: continuation.length + Math.min(continuation.maxNewTokens, expectedTokens),
      })),
    );
    for (const turn of turns) {
      await this.#generate(
        turn.map(({ continuation }) => continuation),
        signal,
      );
    }
  }

  async #generate(continuations: readonly Continuation[], signal: AbortSignal): Promise<void> {
    const ended = Promise.all(continuations.map((continuation) => continuation.ended));
    const over = new AbortController();
    const unwanted = AbortSignal.any([signal, over.signal]);
    const items = continuations.map((continuation) => ({
      continuation,
      unwanted,
      length: continuation.length,
    }));
    const asked = this.#batches.ask(
      kindOf(continuations),
      items,
      (together, stop) => this.#run(together, stop),
      unwanted,
    );
    try {
      await orAborted(Promise.race([ended, asked.then(() => ended)]), signal);
    } finally {
      over.abort();
    }
  }

  /** When everything is answered. */
  drain(): Promise<void> {
    return this.#batches.drain();
  }

  #run(together: readonly Item[], signal: AbortSignal): Promise<number[][]> {
    const at = (index: number) => together[index]!.continuation;
    const prompts = together.map(({ continuation }) => continuation.prompt);
    let since = performance.now();
    const choose = async (place: Choice) => {
      if (performance.now() - since > stretch) {
        await setImmediate();
        since = performance.now();
      }
      return at(place.index).choose(place);
    };
    return this.#runner.generate(prompts, {
      maxNewTokens: together.reduce((most, { continuation }) => Math.max(most, continuation.maxNewTokens), 0),
      // Each has ends of its own.
      eosTokenIds: [],
      stop: (newIds, index) => together[index]!.unwanted.aborted || at(index).take(newIds),
      ...(together.some(({ continuation }) => continuation.wantsLogits) && {
        chooser: { wants: (index: number) => at(index).wantsLogits, choose },
      }),
      signal,
      progress: this.#progress,
    });
  }
}

interface Item {
  readonly continuation: Continuation;
  /** Fires when nobody wants more of it. */
  readonly unwanted: AbortSignal;
  readonly length: number;
}

/**
 * Those are continued together that may become about as long: the runner keeps room for the longest in all of them. By
 * factors of four from 64 tokens on.
 */
function kindOf(continuations: readonly Continuation[]): string {
  const longest = continuations.reduce((most, { maxNewTokens }) => Math.max(most, maxNewTokens), 1);
  return `generate ${Math.max(3, Math.ceil(Math.log2(longest) / 2))}`;
}

/** Neighbours that do not have too many tokens together, each at least alone. */
function turnsOf<Item extends { readonly length: number }>(items: readonly Item[]): Item[][] {
  const turns: Item[][] = [];
  let tokens = Number.POSITIVE_INFINITY;
  for (const item of items) {
    tokens += item.length;
    if (tokens > turnTokens) {
      turns.push([]);
      tokens = item.length;
    }
    turns.at(-1)!.push(item);
  }
  return turns;
}
