import type { GenerateOptions, SequenceScore, TokenSequence, Work } from '@moepress/core';

/** A model on token ids. All items of a kind come in one call, so that the engine can batch and share. */
export interface TokenEngine {
  /** Ids it can read at once. */
  readonly maxLength: number;
  /**
   * Sum over i >= from of log p(ids[i] | ids[..i)), and whether each of them is the argmax. Items have
   * at most `maxLength + 1` ids, because the last is only predicted. They come longest first, and items
   * that differ only in their last ids stand together.
   */
  score(items: readonly TokenSequence[], work?: Work): Promise<SequenceScore[]>;
  /** Greedy continuations, without the prompts. */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): Promise<number[][]>;
}
