import type { Block } from '@moepress/core';
import { paddedDimOf, valueDimOf } from '../decoder/attention/heads.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { Feed } from '../engine/protocol.js';
import { tensor } from '../engine/tensor.js';
import type { HeldBatch } from './held.js';

/** Keys and values of tokens that all sequences of a batch share, as the batch's worker has them. */
export interface SharedPast {
  readonly key: Feed;
  readonly value: Feed;
}

/** What a session that takes a past is fed as such: `shared`, or nothing by default. */
export function pastFeeds(
  { layout }: HeldBatch,
  { attention }: Block,
  { attention: kind }: Pick<DeviceTraits, 'attention'>,
  shared?: SharedPast,
): Record<string, Feed> {
  if (shared) return { pastKey: shared.key, pastValue: shared.value };
  const { kvHeads, headDim } = attention;
  const empty = (...dims: number[]) => tensor('float32', dims, new Float32Array(0));
  if (kind === 'tree') {
    return { pastKey: empty(kvHeads, 0, headDim), pastValue: empty(kvHeads, 0, valueDimOf(attention)) };
  }
  const none = empty(layout.lengths.length, kvHeads, 0, paddedDimOf(attention));
  return { pastKey: none, pastValue: none };
}
