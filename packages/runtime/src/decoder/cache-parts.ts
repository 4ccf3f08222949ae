import { type Block, hasAttention, isRecurrent } from '@moepress/core';
import { type StatePart, statePartsOf } from './recurrence/mixer.js';

/** The parts of a block's cache, by the names they are fed under: keys and values, or what stays of a sequence in a recurrence. */
export type CachePart = 'sharedKey' | 'sharedValue' | 'pastKey' | 'pastValue' | OwnPart;

/** What a new token leaves: its key and value, or, in place of what was there before, what stays of its sequence. */
export type OwnPart = 'key' | 'value' | StatePart;

/** How a block's cache grows by a token. */
interface CacheOutput {
  readonly own: OwnPart;
  readonly cache: CachePart;
  /** Whether there is one row of it for a sequence, however many tokens it has. */
  readonly single: boolean;
}

const keyValueParts = ['sharedKey', 'sharedValue', 'pastKey', 'pastValue'] as const;

export const cachePartsOf = (block: Block): readonly CachePart[] =>
  isRecurrent(block) ? statePartsOf(block.attention) : hasAttention(block) ? keyValueParts : [];

export const cacheOutputsOf = (block: Block): readonly CacheOutput[] =>
  isRecurrent(block)
    ? statePartsOf(block.attention).map((part) => ({ own: part, cache: part, single: true }))
    : hasAttention(block)
      ? [
          { own: 'key', cache: 'pastKey', single: false },
          { own: 'value', cache: 'pastValue', single: false },
        ]
      : [];

export const cacheInput = (part: CachePart, { index }: Block): string => `${part}.${index}`;
export const ownOutput = (part: OwnPart, { index }: Block): string => `own.${part}.${index}`;
