import type { QueryScaling, Rope } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type {
  ArchitectureManifest,
  GroupedQueryTraits,
  LatentTraits,
  RecurrenceTraits,
  WindowRule,
} from '../architectures/manifest.js';
import { type IndexerConfig, readIndexer } from './indexer-config.js';
import {
  checkSingleLayers,
  type LayerHeads,
  readLayerHeads,
  readRotatedLayers,
  readUnrotated,
} from './layer-attention.js';
import { attentionTypes, readLayerTypes } from './layer-types.js';
import { count, index, type KeyReader, layerCount } from './reader.js';
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
  /** How queries grow; in families with unrotated layers, those of these. */
  readonly queryScaling?: QueryScaling;
}

export interface GroupedQueryConfig extends Heads {
  readonly kind: 'gqa';
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly qkNorm: 'head' | 'projection' | 'weightless' | null;
  readonly normedAfterRotation: boolean;
  readonly valueNorm: boolean;
  readonly valueScale: number;
  readonly clip: number | null;
  readonly gate: boolean;
  readonly outputGate: boolean;
  /** For each layer, the number of tokens it attends to; null for all. */
  readonly windows: readonly (number | null)[];
  /** Windows are chunks. */
  readonly chunked: boolean;
  /** The heads of each layer. */
  readonly layers: readonly LayerHeads[];
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
  readonly unrotated?: true;
  /** Absent in a family without indexers. */
  readonly indexer?: IndexerConfig;
}

/** Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readAttention(
  reader: KeyReader<Quantity>,
  { attention: traits, recurrence }: ArchitectureManifest,
): AttentionConfig {
  if (traits.kind === 'mla') return readLatent(reader, traits, recurrence);
  return readGroupedQuery(reader, traits, recurrence);
}

function readGroupedQuery(
  reader: KeyReader<Quantity>,
  traits: GroupedQueryTraits,
  recurrence: RecurrenceTraits | undefined,
): GroupedQueryConfig {
  const heads = reader.read('heads', count);
  const headsOf = readLayerHeads(reader, traits);
  const { kvHeads, headDim, rope } = headsOf(traits.rotations ? 'windowed' : 'full');
  if (traits.qkNorm === 'square' && heads * headDim !== reader.read('hiddenSize', count)) {
    throw reader.invalid('headDim', 'the norm of all queries is as wide as the hidden states');
  }
  const windows = readWindows(reader, traits.windows, recurrence, traits.lastIsFull);
  const layers = windows.map((window) => headsOf(window === null ? 'full' : 'windowed'));
  if (reader.reads('fullHeadDim')) checkSingleLayers(reader, layers);
  const { qkvBias: rule } = traits;
  const qkvBias = rule === 'by-config' ? reader.read('attentionBias', z.boolean()) : rule === 'always';
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope,
    scale: readScale(reader, traits, headDim),
    qkvBias,
    outputBias: traits.outputBias === 'as-qkv' && qkvBias,
    qkNorm: readQkNorm(reader, traits),
    normedAfterRotation: traits.normedAfterRotation === true,
    valueNorm: traits.valueNorm === true,
    valueScale: reader.reads('valueScale') ? reader.read('valueScale', z.number()) : 1,
    clip: reader.reads('clip') ? reader.read('clip', z.number().nonnegative().nullable()) : null,
    gate: traits.gate === true,
    ...readGrowth(reader),
    outputGate: traits.outputGate === true,
    windows,
    chunked: traits.windows === 'chunks',
    layers,
    unrotated: readUnrotated(reader, traits.unrotated, windows),
  };
}

function readScale(reader: KeyReader<Quantity>, { unscaled }: GroupedQueryTraits, headDim: number): number {
  if (unscaled) return 1;
  return reader.reads('attentionMultiplier')
    ? reader.read('attentionMultiplier', z.number())
    : headDim ** -0.5;
}

/** How queries of unrotated layers grow (Llama 4). */
function readGrowth(reader: KeyReader<Quantity>): Pick<Heads, 'queryScaling'> {
  if (!reader.reads('scalesQueries') || !reader.read('scalesQueries', z.coerce.boolean())) return {};
  const [beta, every] = [reader.read('queryBeta', z.number()), reader.read('queryEvery', count)];
  return { queryScaling: { beta, every, offset: 1 } };
}

function readQkNorm(
  reader: KeyReader<Quantity>,
  { qkNorm }: GroupedQueryTraits,
): GroupedQueryConfig['qkNorm'] {
  if (reader.reads('usesQkNorm') && !reader.read('usesQkNorm', z.boolean())) return null;
  return qkNorm === 'square' ? 'projection' : qkNorm;
}

function readLatent(
  reader: KeyReader<Quantity>,
  traits: LatentTraits,
  recurrence: RecurrenceTraits | undefined,
): LatentConfig {
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
  readWindows(reader, 'never', recurrence);
  if (rotation === 'share') checkRotatedShare(reader, rotated, headDim);
  else if (rotation !== 'none') readRotatedDim(reader, rotated, rotation);
  const rope = rotation === 'none' ? noRotation : readRope(reader, rotated);
  return {
    kind: 'mla',
    heads,
    kvHeads: heads,
    headDim,
    rope: ropeOf(rope, rotated, interleaved ? 'neighbours' : 'halves'),
    scale: headDim ** -0.5 * (rotation === 'none' ? 1 : readLatentScale(reader)),
    ...(rotation === 'none' && { unrotated: true }),
    ...(traits.scalesQueries && { queryScaling: readQueryScaling(reader) }),
    bias: reader.read('attentionBias', z.boolean()),
    queryLatent: reader.read('queryLatent', count.nullable()),
    latent: reader.read('latent', count),
    contentDim,
    valueDim: reader.read('valueDim', count),
    ...(indexer && { indexer: readIndexer(reader, indexer, rotated) }),
  };
}

/** That of heads which are not rotated, whose angles nothing reads. */
const noRotation = { theta: 10_000, scaling: null };

/**
 * By layer, how many tokens it sees; null for all. Throws `CONFIG_INVALID` for types that fit no layer and for layers
 * with a window whose size is not told; `CONFIG_UNSUPPORTED` for `layer_types` that the family does not obey.
 */
export function readWindows(
  reader: KeyReader<Quantity>,
  rule: WindowRule,
  recurrence: RecurrenceTraits | undefined,
  lastIsFull = false,
): (number | null)[] {
  const layers = reader.read('layers', layerCount);
  const told = readLayerTypes(reader, recurrence?.kind, rule);
  const types = told?.map((type) => type === 'sliding_attention' || type === 'chunked_attention');
  const found = slidingLayers(reader, rule, types, layers);
  const slides = lastIsFull ? found.with(-1, false) : found;
  const window = slides.includes(true) ? readWindow(reader) : null;
  return slides.map((slide) => (slide ? window : null));
}

function slidingLayers(
  reader: KeyReader<Quantity>,
  rule: WindowRule,
  types: readonly boolean[] | undefined,
  layers: number,
): readonly boolean[] {
  const where = (slides: (layer: number) => boolean) => Array.from({ length: layers }, (_, i) => slides(i));
  if (rule === 'never' || rule === 'every-layer') {
    const all = rule === 'every-layer' && isOn(reader) && reader.value('slidingWindow') !== null;
    // Masks follow the rule in transformers, but its caches the types.
    if (types?.some((slides) => slides !== all)) {
      throw reader.unsupported('layerTypes', `${all ? attentionTypes[0] : attentionTypes[1]} in every layer`);
    }
    return where(() => all);
  }
  if (types) return types;
  if (rule === 'alternating') return where((layer) => layer % 2 === 0);
  if (rule === 'chunks') return readRotatedLayers(reader);
  if (rule === 'but-first-and-sixth')
    return agreeing(
      reader,
      where((layer) => layer > 0 && (layer + 1) % 6 !== 0),
    );
  if (rule === 'prefixed-pattern') {
    const first = reader.read('firstDense', index);
    const [prefix, rest] = [reader.read('prefixPattern', count), reader.read('windowPattern', count)];
    return where((layer) => (layer < first ? (layer + 1) % prefix : (layer - first + 1) % rest) !== 0);
  }
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

/** `assumed`, if the flags of config.json say the same: transformers does not look at them. Throws `CONFIG_UNSUPPORTED`. */
function agreeing(reader: KeyReader<Quantity>, assumed: boolean[]): boolean[] {
  const told = reader.read('windowFlags', z.array(index).nullable());
  if (told?.some((flag, layer) => (flag !== 0) !== assumed[layer])) {
    throw reader.unsupported('windowFlags', 'a window in all layers but the first and every sixth');
  }
  return assumed;
}

function readWindow(reader: KeyReader<Quantity>): number {
  if (!isOn(reader)) throw reader.invalid('usesWindow', '"layer_types" has layers with a window');
  return reader.read('slidingWindow', count);
}

const isOn = (reader: KeyReader<Quantity>): boolean =>
  !reader.reads('usesWindow') || reader.read('usesWindow', z.boolean());
