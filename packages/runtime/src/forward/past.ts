import type { Block } from '@moepress/core';
import { cachedDimOf } from '../decoder/attention/heads.js';
import type { Feed } from '../engine/protocol.js';
import { tensor } from '../engine/tensor.js';
import type { HeldBatch } from './held.js';

/** Keys and values of no tokens, for a session that takes such. */
export function emptyPast({ layout }: HeldBatch, { attention }: Block): Record<string, Feed> {
  const dims = [layout.lengths.length, attention.kvHeads, 0, cachedDimOf(attention)];
  const empty = tensor('float32', dims, new Float32Array(0));
  return { pastKey: empty, pastValue: empty };
}
