import type { Work } from '@moepress/core';
import type { PairScore } from './language-model.js';
import type { ScoredIds } from './windows.js';

/** A model on token ids. All items of a kind come in one call, so that the engine can batch and share. */
export interface TokenEngine {
  /** Ids it can read at once. */
  readonly maxLength: number;
  /**
   * Sum over i >= from of log p(ids[i] | ids[..i)), and whether each of them is the argmax. Items have
   * at most `maxLength + 1` ids, because the last is only predicted. They come longest first, and items
   * that differ only in their last ids stand together.
   */
  score(items: readonly ScoredIds[], work?: Work): Promise<PairScore[]>;
  /** Greedy continuations, without the prompts. */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]>;
}

export interface GenerateOptions extends Work {
  readonly maxNewTokens: number;
  /** Asked after every token with all new ids of one prompt; true ends that prompt. */
  stop(newIds: readonly number[]): boolean;
  readonly eosTokenIds: readonly number[];
}
