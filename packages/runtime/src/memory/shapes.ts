import type { Model } from '@moepress/core';
import { valueDimOf } from '../decoder/attention/heads.js';

/** Bytes of the hidden states of so many tokens between two blocks. */
export const carriedBytes = ({ config }: Pick<Model, 'config'>, tokens: number): number =>
  Float32Array.BYTES_PER_ELEMENT * config.hiddenSize * tokens;

/** Bytes of keys and values of one token in all blocks. */
export const cacheBytesPerToken = ({ blocks }: Pick<Model, 'blocks'>): number =>
  blocks.reduce(
    (sum, { attention }) =>
      sum + Float32Array.BYTES_PER_ELEMENT * attention.kvHeads * (attention.headDim + valueDimOf(attention)),
    0,
  );
