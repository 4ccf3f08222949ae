import { type Block, hasAttention } from '@moepress/core';
import { paddedDimOf } from '../decoder/attention/heads.js';
import { keyDimOf } from '../decoder/attention/indexer.js';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { Feed, Feeds } from '../engine/handles.js';
import { tensor } from '../engine/protocol.js';
import type { WorkerBatch } from './worker-batch.js';

/** Keys and values of tokens that all sequences of a batch share, as the batch's worker has them. */
export interface SharedPast {
  readonly key: Feed;
  readonly value: Feed;
}

/** The past that a session is fed; by default there is none. */
export function pastFeeds(
  { layout }: WorkerBatch,
  block: Block,
  { attention: kind }: Pick<DeviceTraits, 'attention'>,
  shared?: SharedPast,
): Feeds {
  if (!hasAttention(block)) return {};
  const { attention } = block;
  const { kvHeads } = attention;
  if (shared) return { pastKey: shared.key, pastValue: shared.value };
  const empty = (...dims: number[]) => tensor('float32', dims, new Float32Array(0));
  if (kind === 'tree') {
    return {
      pastKey: empty(kvHeads, 0, keyDimOf(attention)),
      pastValue: empty(kvHeads, 0, valueDimOf(attention)),
    };
  }
  const none = empty(layout.lengths.length, kvHeads, 0, paddedDimOf(attention));
  return { pastKey: none, pastValue: none };
}
