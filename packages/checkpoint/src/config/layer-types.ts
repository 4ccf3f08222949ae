import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { RecurrenceTraits, WindowRule } from '../architectures/manifest.js';
import { count, index, type KeyReader, layerCount } from './reader.js';

/** Layers with attention; the last is an older name of the second. */
export const attentionTypes = ['sliding_attention', 'full_attention', 'attention'] as const;

/** Layers that are an FFN and nothing else. */
const ffnTypes = ['moe', 'mlp'] as const;

/** Layers of families with indexers. */
const indexedTypes = ['indexed_attention'] as const;

/** Layers of a family with attention in chunks. */
const chunkTypes = ['chunked_attention', 'full_attention'] as const;

/** What `layer_types` calls the layers with a recurrence; a later name is an older one of the first. */
const recurrentTypes: Readonly<Record<RecurrenceTraits['kind'], readonly string[]>> = {
  'gated-delta-rule': ['linear_attention'],
  'short-convolution': ['conv'],
  'state-space': ['linear_attention', 'mamba'],
};

/**
 * The types of the layers, where config.json tells them. `recurrence` is that of the family, whose layers have no window
 * then. Throws `CONFIG_INVALID` for another type, and for types of more or fewer layers than there are.
 */
export function readLayerTypes(
  reader: KeyReader<Quantity>,
  recurrence: RecurrenceTraits['kind'] | undefined,
  rule: WindowRule = 'never',
): readonly string[] | null {
  const known: readonly string[] = recurrence
    ? [
        ...recurrentTypes[recurrence],
        ...attentionTypes.slice(1),
        ...(reader.reads('layerPattern') ? ffnTypes : []),
      ]
    : reader.reads('indexTopK')
      ? indexedTypes
      : rule === 'chunks'
        ? chunkTypes
        : attentionTypes;
  const types = reader.read('layerTypes', z.array(z.enum(known)).nullable());
  const layers = reader.read('layers', layerCount);
  if (types && types.length !== layers) throw reader.invalid('layerTypes', `there are ${layers} layers`);
  return types;
}

/**
 * For each layer, whether it has the recurrence: those that `layer_types` says; where it is absent, all but those that a
 * key lists, all but every n-th, or all. Throws `CONFIG_INVALID` where nothing tells.
 */
export function readRecurrentLayers(
  reader: KeyReader<Quantity>,
  kind: RecurrenceTraits['kind'],
): readonly boolean[] {
  const types = readLayerTypes(reader, kind);
  if (types) return types.map((type) => recurrentTypes[kind].includes(type));
  const layers = Array.from({ length: reader.read('layers', layerCount) }, (_, layer) => layer);
  if (reader.reads('fullInterval')) {
    const interval = reader.read('fullInterval', count);
    return layers.map((layer) => (layer + 1) % interval !== 0);
  }
  if (kind === 'state-space') return layers.map(() => true);
  if (!reader.reads('fullLayers')) throw reader.invalid('layerTypes', 'it must name the type of each layer');
  const full = reader.read('fullLayers', z.array(index).nullable());
  return layers.map((layer) => full !== null && !full.includes(layer));
}

/** Which of its two parts a layer has. */
export interface LayerParts {
  readonly mixer: boolean;
  readonly ffn: boolean;
}

/** The parts of each layer: both, unless a family gives each layer one. */
export function readLayerParts(
  reader: KeyReader<Quantity>,
  recurrence: RecurrenceTraits['kind'] | undefined,
): readonly LayerParts[] {
  const layers = reader.read('layers', layerCount);
  if (!reader.reads('layerPattern'))
    return Array.from({ length: layers }, () => ({ mixer: true, ffn: true }));
  const types = readLayerTypes(reader, recurrence) ?? [];
  return types.map((type) => {
    const ffn = ffnTypes.some((own) => own === type);
    return { mixer: !ffn, ffn };
  });
}
