import type { Rope } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { AttentionTraits, GroupedQueryTraits } from '../architectures/manifest.js';
import { count, type KeyReader } from './reader.js';
import { readLatentScale, readRope, ropeOf } from './rope.js';
import { readWindows } from './windows.js';

export type AttentionConfig = GroupedQueryConfig | LatentConfig;

/** Sizes of the heads, as `DecoderConfig` has them. */
interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rope: Rope;
  /** Of the products of queries and keys. */
  readonly scale: number;
}

export interface GroupedQueryConfig extends Heads {
  readonly kind: 'gqa';
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly qkNorm: GroupedQueryTraits['qkNorm'];
  readonly clip: number | null;
  readonly sinks: boolean;
  /** By layer: tokens it sees, null for all. */
  readonly windows: readonly (number | null)[];
}

export interface LatentConfig extends Heads {
  readonly kind: 'mla';
  /** Whether the projections down to latents and the output have biases. */
  readonly bias: boolean;
  /** Width of the latent of queries; null where they have none. */
  readonly queryLatent: number | null;
  readonly latent: number;
  readonly contentDim: number;
  readonly valueDim: number;
}

/** Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readAttention(reader: KeyReader<Quantity>, traits: AttentionTraits): AttentionConfig {
  return traits.kind === 'mla' ? readLatent(reader) : readGroupedQuery(reader, traits);
}

function readGroupedQuery(reader: KeyReader<Quantity>, traits: GroupedQueryTraits): GroupedQueryConfig {
  const heads = reader.read('heads', count);
  const kvHeads = reader.read('kvHeads', count);
  if (heads % kvHeads !== 0) throw reader.invalid('kvHeads', `it must divide the ${heads} attention heads`);
  const headDim = reader.read('headDim', count);
  if (headDim % 2 !== 0) throw reader.invalid('headDim', `heads of ${headDim} cannot be rotated in pairs`);
  if (traits.qkNorm === 'projection' && heads * headDim !== reader.read('hiddenSize', count)) {
    throw reader.invalid('headDim', 'the norm of all queries is as wide as the hidden states');
  }
  const { qkvBias: rule } = traits;
  const qkvBias = rule === 'by-config' ? reader.read('attentionBias', z.boolean()) : rule === 'always';
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope: ropeOf(readRope(reader, headDim), headDim, 'halves'),
    scale: headDim ** -0.5,
    qkvBias,
    outputBias: traits.outputBias === 'as-qkv' && qkvBias,
    qkNorm: traits.qkNorm,
    clip: reader.reads('clip') ? reader.read('clip', z.number().nonnegative().nullable()) : null,
    sinks: traits.sinks,
    windows: readWindows(reader, traits.windows),
  };
}

function readLatent(reader: KeyReader<Quantity>): LatentConfig {
  const heads = reader.read('heads', count);
  if (reader.read('kvHeads', count) !== heads) {
    throw reader.unsupported('kvHeads', `as many as attention heads, ${heads},`);
  }
  const rotated = reader.read('rotatedDim', count);
  if (rotated % 2 !== 0) throw reader.invalid('rotatedDim', 'it cannot be rotated in pairs');
  const contentDim = reader.read('contentDim', count);
  const headDim = contentDim + rotated;
  const interleaved = !reader.reads('interleaved') || reader.read('interleaved', z.boolean());
  readWindows(reader, 'never');
  const rope = readRope(reader, rotated);
  return {
    kind: 'mla',
    heads,
    kvHeads: heads,
    headDim,
    rope: ropeOf(rope, rotated, interleaved ? 'neighbours' : 'halves'),
    scale: headDim ** -0.5 * readLatentScale(reader),
    bias: reader.read('attentionBias', z.boolean()),
    queryLatent: reader.read('queryLatent', count.nullable()),
    latent: reader.read('latent', count),
    contentDim,
    valueDim: reader.read('valueDim', count),
  };
}
