import type { Work } from '@moepress/core';
import { type Layout, rowOf } from '../forward/layout.js';

export interface GenerateOptions extends Work {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /** Called after each token with all new tokens of one sequence; true ends that sequence. */
  stop?(newIds: readonly number[]): boolean;
}

/** Packed row of each sequence's last token. */
export function lastRows(layout: Layout): number[] {
  return layout.sequences.map((_, b) => rowOf(layout, b, layout.lengths[b]! - 1));
}

export function isFinished(
  newIds: readonly number[],
  { eosTokenIds, maxNewTokens, stop }: GenerateOptions,
): boolean {
  return eosTokenIds.includes(newIds.at(-1)!) || newIds.length >= maxNewTokens || (stop?.(newIds) ?? false);
}
