import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { WindowRule } from '../architectures/manifest.js';
import { count, type KeyReader } from './reader.js';

/** Deeper than any model, and not so deep that a made-up number fills the memory. */
export const layerCount = count.max(10_000);

/** The last is an older name of the second. */
const layerTypes = ['sliding_attention', 'full_attention', 'attention'] as const;

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
  const types = reader.read('layerTypes', z.array(z.enum(layerTypes)).nullable());
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
