import type { Block } from '@moepress/core';
import { paddedDimOf, valueDimOf } from '../decoder/attention/heads.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { Feed } from '../engine/protocol.js';
import { tensor } from '../engine/tensor.js';
import { type HeldBatch, type Part, rowFeeds } from './held.js';

/** Keys and values of tokens that all sequences of a batch share, as the batch's worker has them. */
export interface SharedPast {
  readonly key: Feed;
  readonly value: Feed;
}

export interface Past {
  /** None by default. */
  readonly shared?: SharedPast | undefined;
  /** Rows that come out; all by default. */
  readonly part?: Part | undefined;
}

/** What a session that takes a past is fed as such. */
export function pastFeeds(
  batch: HeldBatch,
  block: Block,
  { attention: kind }: Pick<DeviceTraits, 'attention'>,
  { shared, part }: Past = {},
): Record<string, Feed> {
  const { layout } = batch;
  const { attention } = block;
  const { kvHeads, headDim } = attention;
  const rows = rowFeeds(batch, block, part);
  if (shared) return { pastKey: shared.key, pastValue: shared.value, ...rows };
  const empty = (...dims: number[]) => tensor('float32', dims, new Float32Array(0));
  if (kind === 'tree') {
    const none = { pastKey: empty(kvHeads, 0, headDim), pastValue: empty(kvHeads, 0, valueDimOf(attention)) };
    return { ...none, ...rows };
  }
  const none = empty(layout.lengths.length, kvHeads, 0, paddedDimOf(attention));
  return { pastKey: none, pastValue: none };
}
