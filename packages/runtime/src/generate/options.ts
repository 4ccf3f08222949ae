import type { GenerateOptions } from '@moepress/core';
import { type Layout, rowOf } from '../tokens/token-layout.js';
import type { Chooser } from './choose.js';

/** How far prompts are continued, and how each next token is chosen. */
export interface SamplingOptions extends GenerateOptions {
  /** Without one every token is the most probable one. */
  readonly chooser?: Chooser;
}

/** Packed row of each sequence's last token. */
export function lastRows(layout: Layout): number[] {
  return layout.sequences.map((_, b) => rowOf(layout, b, layout.lengths[b]! - 1));
}

export function isFinished(
  newIds: readonly number[],
  index: number,
  { eosTokenIds, maxNewTokens, stop }: Pick<GenerateOptions, 'eosTokenIds' | 'maxNewTokens' | 'stop'>,
): boolean {
  if (stop?.(newIds, index)) return true;
  return eosTokenIds.includes(newIds.at(-1)!) || newIds.length >= maxNewTokens;
}
