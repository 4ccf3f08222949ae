import type { Rope } from '@moepress/core';
import { z } from 'zod';
import type { AttentionTraits, GroupedQueryTraits, LatentTraits } from '../architectures/manifest.js';
import { type ConfigReader, count } from './reader.js';
import { type RopeConfig, readRope, ropeOf } from './rope.js';

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
export function readAttention(reader: ConfigReader, traits: AttentionTraits): AttentionConfig {
  const rope = readRope(reader);
  return traits.kind === 'mla' ? readLatent(reader, traits, rope) : readGroupedQuery(reader, traits, rope);
}

function readGroupedQuery(
  reader: ConfigReader,
  traits: GroupedQueryTraits,
  rope: RopeConfig,
): GroupedQueryConfig {
  const heads = reader.read('num_attention_heads', count);
  const kvHeads = reader.readOr('num_key_value_heads', count, heads);
  if (heads % kvHeads !== 0) {
    throw reader.invalid('num_key_value_heads', `it must divide the ${heads} attention heads`);
  }
  const headDim = reader.readOr('head_dim', count, reader.read('hidden_size', count) / heads);
  if (headDim % 2 !== 0) throw reader.invalid('head_dim', `heads of ${headDim} cannot be rotated in pairs`);
  const { clipKey } = traits;
  const qkvBias = readBias(reader, traits.qkvBias);
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope: ropeOf(rope, headDim, 'halves'),
    scale: headDim ** -0.5,
    qkvBias,
    outputBias: traits.outputBias === 'as-qkv' && qkvBias,
    qkNorm: traits.qkNorm,
    clip: clipKey === null ? null : reader.readOr(clipKey, z.number().positive(), null),
    sinks: traits.sinks,
    windows: readWindows(reader, traits.window),
  };
}

function readBias(reader: ConfigReader, bias: GroupedQueryTraits['qkvBias']): boolean {
  if (bias === null || bias === 'always') return bias === 'always';
  return reader.readOr(bias.key, z.boolean(), bias.default);
}

function readWindows(reader: ConfigReader, rule: GroupedQueryTraits['window']): (number | null)[] {
  const layers = reader.read('num_hidden_layers', layerCount);
  if (rule === 'never') return Array.from({ length: layers }, () => null);
  if (rule === 'every-layer') {
    const window = reader.readOr('sliding_window', count, null);
    return Array.from({ length: layers }, () => window);
  }
  const alternating = Array.from({ length: layers }, (_, layer) => layerTypes[layer % 2]!);
  const types = reader.readOr('layer_types', z.array(z.enum(layerTypes)), alternating);
  if (types.length !== layers) throw reader.invalid('layer_types', `there are ${layers} layers`);
  const slides = types.includes('sliding_attention');
  const window = slides ? reader.read('sliding_window', count) : null;
  return types.map((type) => (type === 'sliding_attention' ? window : null));
}

const layerTypes = ['sliding_attention', 'full_attention'] as const;

/** Deeper than any model, and not so deep that a made-up number fills the memory. */
export const layerCount = count.max(10_000);

function readLatent(reader: ConfigReader, { interleaveKey }: LatentTraits, rope: RopeConfig): LatentConfig {
  const heads = reader.read('num_attention_heads', count);
  if (reader.readOr('num_key_value_heads', count, heads) !== heads) {
    throw reader.unsupported('num_key_value_heads', `as many as attention heads, ${heads},`);
  }
  const rotated = reader.read('qk_rope_head_dim', count);
  if (rotated % 2 !== 0) throw reader.invalid('qk_rope_head_dim', 'it cannot be rotated in pairs');
  const contentDim = reader.read('qk_nope_head_dim', count);
  const headDim = contentDim + rotated;
  const interleaved = interleaveKey === null || reader.readOr(interleaveKey, z.boolean(), true);
  return {
    kind: 'mla',
    heads,
    kvHeads: heads,
    headDim,
    rope: ropeOf(rope, rotated, interleaved ? 'neighbours' : 'halves'),
    scale: headDim ** -0.5 * rope.latentScale,
    bias: reader.readOr('attention_bias', z.boolean(), false),
    queryLatent: reader.readOr('q_lora_rank', count, null),
    latent: reader.read('kv_lora_rank', count),
    contentDim,
    valueDim: reader.read('v_head_dim', count),
  };
}
