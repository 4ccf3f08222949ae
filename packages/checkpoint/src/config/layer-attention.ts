import type { Rope } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { GroupedQueryTraits, LayerKind } from '../architectures/manifest.js';
import { hasExpertsByTypes } from './ffn.js';
import { count, index, jsonObject, type KeyReader, layerCount } from './reader.js';
import { readRope, readRotatedDim, ropeOf } from './rope.js';

/** What grouped-query attention may have otherwise in one layer than in another. */
export interface LayerHeads {
  readonly kvHeads: number;
  readonly headDim: number;
  /** Dimensions of a head's values. */
  readonly valueDim: number;
  readonly rope: Rope;
  readonly sinks: boolean;
  /** Whether values have a projection; else they are the keys. */
  readonly ownValues: boolean;
}

/** The heads of layers with and without a window. Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readLayerHeads(
  reader: KeyReader<Quantity>,
  traits: GroupedQueryTraits,
): (kind: LayerKind) => LayerHeads {
  const known = new Map<LayerKind, LayerHeads>();
  return (kind) => {
    const own = known.get(kind) ?? readHeads(reader, traits, kind);
    known.set(kind, own);
    return own;
  };
}

function readHeads(reader: KeyReader<Quantity>, traits: GroupedQueryTraits, kind: LayerKind): LayerHeads {
  const heads = reader.read('heads', count);
  const ownValues = !(
    kind === 'full' &&
    reader.reads('keysAreValues') &&
    reader.read('keysAreValues', z.boolean())
  );
  const kvHeads = readKvHeads(reader, kind, ownValues);
  if (heads % kvHeads !== 0) throw reader.invalid('kvHeads', `it must divide the ${heads} attention heads`);
  const dim = kind === 'full' && reader.reads('fullHeadDim') ? 'fullHeadDim' : 'headDim';
  const headDim = reader.read(dim, count);
  if (headDim % 2 !== 0) throw reader.invalid(dim, `heads of ${headDim} cannot be rotated in pairs`);
  const rotation = traits.rotations ? ofKind(reader, traits.rotations, kind) : reader;
  const rotated = readRotatedDim(rotation, headDim, traits.rotation);
  return {
    kvHeads,
    headDim,
    valueDim: reader.reads('valueDim') ? reader.read('valueDim', count) : headDim,
    rope: ropeOf(readRope(rotation, rotated, traits), rotated, traits.pairing ?? 'halves'),
    sinks: traits.sinks === 'windowed' ? kind === 'windowed' : traits.sinks,
    ownValues,
  };
}

/** In MiMo-V2 layers with a window have twice as many, unless a key says another number. */
function readKvHeads(reader: KeyReader<Quantity>, kind: LayerKind, ownValues: boolean): number {
  const all = reader.read('kvHeads', count);
  if (kind === 'windowed' && reader.reads('windowKvHeads')) {
    return reader.read('windowKvHeads', count.nullable()) ?? 2 * all;
  }
  return ownValues ? all : (reader.read('fullKvHeads', count.nullable()) ?? all);
}

const typeNames = { full: 'full_attention', windowed: 'sliding_attention' } as const;

/** config.json with the rotation of one type of layers in the place of all. Throws `CONFIG_UNSUPPORTED` if it has none. */
function ofKind(
  reader: KeyReader<Quantity>,
  defaults: NonNullable<GroupedQueryTraits['rotations']>,
  kind: LayerKind,
): KeyReader<Quantity> {
  const told = reader.read('ropeParameters', jsonObject.nullable());
  const own = told ? jsonObject.safeParse(told[typeNames[kind]]).data : defaults[kind];
  if (!own)
    throw reader.unsupported('ropeParameters', `an object with a rotation under "${typeNames[kind]}"`);
  return reader.over({ rope_parameters: own, rope_scaling: null });
}

/**
 * Settings of single layers as transformers saves those of Gemma 4: what its other keys say, and nothing else. Throws
 * `CONFIG_UNSUPPORTED`.
 */
export function checkSingleLayers(reader: KeyReader<Quantity>, layers: readonly LayerHeads[]): void {
  const told = reader.read('perLayer', z.record(z.string(), jsonObject).nullable());
  if (told === null) return;
  const [headDim, kvHeads] = [reader.value('headDim'), reader.value('kvHeads')];
  const agrees = layers.every((own, layer) => {
    const { head_dim = headDim, num_key_value_heads = kvHeads, ...others } = told[layer] ?? {};
    return (
      head_dim === own.headDim && num_key_value_heads === own.kvHeads && Object.keys(others).length === 0
    );
  });
  if (!agrees) {
    throw reader.unsupported('perLayer', 'what global_head_dim and num_global_key_value_heads say of layers');
  }
}

/** For each layer, whether its queries and keys stay unrotated; `windows` as `readWindows` tells. */
export function readUnrotated(
  reader: KeyReader<Quantity>,
  rule: GroupedQueryTraits['unrotated'],
  windows: readonly (number | null)[],
): boolean[] {
  switch (rule) {
    case undefined:
      return windows.map(() => false);
    case 'full':
      return windows.map((window) => window === null);
    case 'full-beside-windows': {
      const hasWindow = reader.value('slidingWindow') !== null;
      return windows.map((window) => hasWindow && window === null);
    }
    case 'full-but-prefix': {
      const hasExperts = hasExpertsByTypes(reader);
      const rotatesDense = reader.read('prefixPattern', count) === 1;
      return windows.map((window, layer) => window === null && !(rotatesDense && !hasExperts(layer)));
    }
    case 'unless-named': {
      const isNamed = reader.read('positionEmbedding', z.string().nullable()) === 'rope';
      return windows.map(() => !isNamed);
    }
    case 'always':
      return windows.map(() => true);
    case 'listed':
      return readRotatedLayers(reader).map((rotates) => !rotates);
  }
}

/** Llama 4: a list with a number for each layer, or all but every n-th. */
export function readRotatedLayers(reader: KeyReader<Quantity>): boolean[] {
  const layers = reader.read('layers', layerCount);
  const told = reader.read('rotatedLayers', z.array(index).nullable()) ?? [];
  if (told.length > 0) {
    if (told.length < layers) throw reader.invalid('rotatedLayers', `there are ${layers} layers`);
    return told.slice(0, layers).map((flag) => flag !== 0);
  }
  const every = reader.read('unrotatedEvery', count);
  return Array.from({ length: layers }, (_, layer) => (layer + 1) % every !== 0);
}
