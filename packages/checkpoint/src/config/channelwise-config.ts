import { z } from 'zod';
import { type KeyTable, key, none, type Quantity } from '../architectures/keys.js';
import { count, type KeyReader, layerCount } from './reader.js';

/** The sizes of a delta rule whose key heads have as many values, and its layers: see `DeltaRuleConfig`. */
interface ChannelwiseConfig {
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly window: number;
  readonly layers: readonly boolean[];
}

type Setting = 'heads' | 'dim' | 'window' | 'full' | 'delta';

/** Keys inside `linear_attn_config`, which prevail over those beside it. */
const settings: KeyTable<Setting> = {
  heads: key('num_heads', none),
  dim: key('head_dim', none),
  window: key('short_conv_kernel_size', none),
  full: key('full_attn_layers', none),
  delta: key('kda_layers', none),
};

/** As the configuration class of Kimi-Linear of transformers 5.18 does. Throws `CONFIG_INVALID`. */
export function readChannelwise(reader: KeyReader<Quantity>): ChannelwiseConfig {
  const inner = reader.inside('deltaSettings', settings);
  const size = (setting: Setting, quantity: Quantity) =>
    inner.has(setting) ? inner.read(setting, count) : reader.read(quantity, count);
  const [heads, dim] = [size('heads', 'deltaKeyHeads'), size('dim', 'deltaKeyDim')];
  const layers = readLayers(reader, inner);
  if (!layers.includes(false)) throw reader.invalid('layerTypes', 'no layer has softmax attention');
  return {
    keyHeads: heads,
    valueHeads: heads,
    keyDim: dim,
    valueDim: dim,
    window: size('window', 'convolutionWindow'),
    layers,
  };
}

/** By layer, whether it has the delta rule; lists count layers from one, and those of the delta rule prevail. */
function readLayers(reader: KeyReader<Quantity>, inner: KeyReader<Setting>): boolean[] {
  const types = reader.read('layerTypes', z.array(z.string()).nullable());
  if (types) return types.map((type) => type === 'linear_attention');
  const layers = reader.read('layers', layerCount);
  if (!inner.has('full') || !inner.has('delta')) {
    return Array.from({ length: layers }, (_, layer) => layer === 0 || layer % 4 !== 0);
  }
  const list = z.array(count.max(layers));
  const [full, delta] = [new Set(inner.read('full', list)), new Set(inner.read('delta', list))];
  return Array.from({ length: layers }, (_, layer) => {
    if (delta.has(layer + 1)) return true;
    if (!full.has(layer + 1)) throw inner.invalid('full', `layer ${layer + 1} is in neither list`);
    return false;
  });
}
