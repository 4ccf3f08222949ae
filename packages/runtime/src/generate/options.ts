import type { Work } from '@moepress/core';
import { type Layout, rowOf } from '../forward/layout.js';
import type { Chooser } from './choose.js';

export interface GenerateOptions extends Work {
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /** Called after each token with all new tokens of one sequence and the number of its prompt; true ends that sequence. */
  stop?(newIds: readonly number[], index: number): boolean;
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
