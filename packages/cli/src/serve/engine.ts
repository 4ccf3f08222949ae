import type { Tokenizer } from '@moepress/core';
import { stopDetector } from '@moepress/harness';
import type { ModelRunner, ScoreItem, TokenScore } from '@moepress/runtime';
import { Batches } from './batches.js';

export interface Decoding {
  readonly maxNewTokens: number;
  /** Texts at which a continuation may end. */
  readonly stops: readonly string[];
  readonly eosTokenIds: readonly number[];
}

/** A runner for requests that come at any time: those that wait together are computed together. */
export class ServedEngine {
  readonly #runner: ModelRunner;
  readonly #tokenizer: Tokenizer;
  readonly #batches = new Batches();

  constructor(runner: ModelRunner, tokenizer: Tokenizer) {
    this.#runner = runner;
    this.#tokenizer = tokenizer;
  }

  /** Tokens of the longest sequence the model was made for. */
  get maxLength(): number {
    return this.#runner.maxLength;
  }

  /** See `ModelRunner.scoreTokens`. */
  scoreTokens(items: readonly ScoreItem[], signal: AbortSignal): Promise<readonly TokenScore[][]> {
    return this.#batches.ask(
      'score',
      items.map((item) => ({ item, length: item.ids.length })),
      (together, stop) =>
        this.#runner.scoreTokens(
          together.map(({ item }) => item),
          { signal: stop },
        ),
      signal,
    );
  }

  /** See `ModelRunner.generate`. */
  generate(
    prompts: readonly (readonly number[])[],
    { maxNewTokens, stops, eosTokenIds }: Decoding,
    signal: AbortSignal,
  ): Promise<readonly number[][]> {
    return this.#batches.ask(
      JSON.stringify([maxNewTokens, stops, eosTokenIds]),
      prompts,
      (together, stop) =>
        this.#runner.generate(together, {
          maxNewTokens,
          eosTokenIds,
          stop: stopDetector(this.#tokenizer, stops),
          signal: stop,
        }),
      signal,
    );
  }

  /** When everything is answered. */
  drain(): Promise<void> {
    return this.#batches.drain();
  }
}
