import type { QueryScaling, Rope } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type {
  AttentionTraits,
  GroupedQueryTraits,
  LatentTraits,
  WindowRule,
} from '../architectures/manifest.js';
import { type IndexerConfig, readIndexer } from './indexer-config.js';
import { count, type KeyReader, layerCount } from './reader.js';
import {
  checkRotatedShare,
  readLatentScale,
  readQueryScaling,
  readRope,
  readRotatedDim,
  ropeOf,
} from './rope.js';

export type AttentionConfig = GroupedQueryConfig | LatentConfig;

/** Sizes of the heads, as `DecoderConfig` has them. */
interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rope: Rope;
  /** Scale of the products of queries and keys. */
  readonly scale: number;
  readonly queryScaling?: QueryScaling;
}

export interface GroupedQueryConfig extends Heads {
  readonly kind: 'gqa';
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly qkNorm: 'head' | 'projection' | null;
  readonly normedAfterRotation: boolean;
  readonly clip: number | null;
  readonly sinks: boolean;
  readonly outputGate: boolean;
  /** For each layer, the number of tokens it attends to; null for all. */
  readonly windows: readonly (number | null)[];
  /** For each layer, whether queries and keys stay unrotated. */
  readonly unrotated: readonly boolean[];
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
  /** Absent in a family without indexers. */
  readonly indexer?: IndexerConfig;
}

/** Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readAttention(reader: KeyReader<Quantity>, traits: AttentionTraits): AttentionConfig {
  return traits.kind === 'mla' ? readLatent(reader, traits) : readGroupedQuery(reader, traits);
}

function readGroupedQuery(reader: KeyReader<Quantity>, traits: GroupedQueryTraits): GroupedQueryConfig {
  const heads = reader.read('heads', count);
  const kvHeads = reader.read('kvHeads', count);
  if (heads % kvHeads !== 0) throw reader.invalid('kvHeads', `it must divide the ${heads} attention heads`);
  const headDim = reader.read('headDim', count);
  if (headDim % 2 !== 0) throw reader.invalid('headDim', `heads of ${headDim} cannot be rotated in pairs`);
  const rotated = readRotatedDim(reader, headDim, traits.rotation);
  if (traits.qkNorm === 'square' && heads * headDim !== reader.read('hiddenSize', count)) {
    throw reader.invalid('headDim', 'the norm of all queries is as wide as the hidden states');
  }
  const windows = readWindows(reader, traits.windows);
  const hasWindow = traits.unrotated !== undefined && reader.value('slidingWindow') !== null;
  const { qkvBias: rule } = traits;
  const qkvBias = rule === 'by-config' ? reader.read('attentionBias', z.boolean()) : rule === 'always';
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope: ropeOf(readRope(reader, rotated, traits), rotated, traits.pairing ?? 'halves'),
    scale: reader.reads('attentionMultiplier')
      ? reader.read('attentionMultiplier', z.number())
      : headDim ** -0.5,
    qkvBias,
    outputBias: traits.outputBias === 'as-qkv' && qkvBias,
    qkNorm: readQkNorm(reader, traits),
    normedAfterRotation: traits.normedAfterRotation === true,
    clip: reader.reads('clip') ? reader.read('clip', z.number().nonnegative().nullable()) : null,
    sinks: traits.sinks,
    outputGate: traits.outputGate === true,
    windows,
    unrotated: windows.map((window) => hasWindow && window === null),
  };
}

function readQkNorm(
  reader: KeyReader<Quantity>,
  { qkNorm }: GroupedQueryTraits,
): GroupedQueryConfig['qkNorm'] {
  if (reader.reads('usesQkNorm') && !reader.read('usesQkNorm', z.boolean())) return null;
  return qkNorm === 'square' ? 'projection' : qkNorm;
}

function readLatent(reader: KeyReader<Quantity>, traits: LatentTraits): LatentConfig {
  const { rotation, indexer } = traits;
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
  if (rotation === 'share') checkRotatedShare(reader, rotated, headDim);
  else readRotatedDim(reader, rotated, rotation);
  const rope = readRope(reader, rotated);
  return {
    kind: 'mla',
    heads,
    kvHeads: heads,
    headDim,
    rope: ropeOf(rope, rotated, interleaved ? 'neighbours' : 'halves'),
    scale: headDim ** -0.5 * readLatentScale(reader),
    ...(traits.scalesQueries && { queryScaling: readQueryScaling(reader) }),
    bias: reader.read('attentionBias', z.boolean()),
    queryLatent: reader.read('queryLatent', count.nullable()),
    latent: reader.read('latent', count),
    contentDim,
    valueDim: reader.read('valueDim', count),
    ...(indexer && { indexer: readIndexer(reader, indexer, rotated) }),
  };
}

/** The last is an older name of the second. */
const layerTypes = ['sliding_attention', 'full_attention', 'attention'] as const;
/** Layer types of families whose other layers have a recurrence. */
const mixedTypes = ['linear_attention', 'full_attention'] as const;
/** That of families with indexers. */
const indexedTypes = ['indexed_attention'] as const;

/**
 * By layer, how many tokens it sees; null for all. Throws `CONFIG_INVALID` for types that fit no layer and for layers
 * with a window whose size is not told; `CONFIG_UNSUPPORTED` for `layer_types` that the family does not obey.
 */
export function readWindows(reader: KeyReader<Quantity>, rule: WindowRule): (number | null)[] {
  const layers = reader.read('layers', layerCount);
  const types = readTypes(reader, layers);
  const slides = slidingLayers(reader, rule, types, layers);
  const window = slides.includes(true) ? readWindow(reader) : null;
  return slides.map((slide) => (slide ? window : null));
}

function readTypes(reader: KeyReader<Quantity>, layers: number): boolean[] | null {
  const mixed = reader.reads('fullInterval') ? mixedTypes : layerTypes;
  const known: readonly string[] = reader.reads('indexTopK') ? indexedTypes : mixed;
  const types = reader.read('layerTypes', z.array(z.enum(known)).nullable());
  if (types === null) return null;
  if (types.length !== layers) throw reader.invalid('layerTypes', `there are ${layers} layers`);
  return types.map((type) => type === 'sliding_attention');
}

function slidingLayers(
  reader: KeyReader<Quantity>,
  rule: WindowRule,
  types: readonly boolean[] | null,
  layers: number,
): readonly boolean[] {
  const where = (slides: (layer: number) => boolean) => Array.from({ length: layers }, (_, i) => slides(i));
  if (rule === 'never' || rule === 'every-layer') {
    const all = rule === 'every-layer' && isOn(reader) && reader.value('slidingWindow') !== null;
    // Masks follow the rule in transformers, but its caches the types.
    if (types?.some((slides) => slides !== all)) {
      throw reader.unsupported('layerTypes', `${all ? layerTypes[0] : layerTypes[1]} in every layer`);
    }
    return where(() => all);
  }
  if (types) return types;
  if (rule === 'alternating') return where((layer) => layer % 2 === 0);
  if (rule === 'pattern') {
    const pattern = reader.read('windowPattern', count);
    if (reader.value('slidingWindow') === null) {
      throw reader.invalid('slidingWindow', '"layer_types" must say then that no layer has a window');
    }
    return where((layer) => (layer + 1) % pattern !== 0);
  }
  if (!isOn(reader)) return where(() => false);
  const turn = reader.read('windowLayers', z.int());
  if (rule === 'alternating-below-layer') return where((layer) => layer % 2 === 0 && layer < turn);
  const hasWindow = reader.value('slidingWindow') !== null;
  return where((layer) => hasWindow && layer >= turn);
}

function readWindow(reader: KeyReader<Quantity>): number {
  if (!isOn(reader)) throw reader.invalid('usesWindow', '"layer_types" has layers with a window');
  return reader.read('slidingWindow', count);
}

const isOn = (reader: KeyReader<Quantity>): boolean =>
  !reader.reads('usesWindow') || reader.read('usesWindow', z.boolean());
