import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { DeltaRuleTraits } from '../architectures/manifest.js';
import { readChannelwise } from './channelwise-config.js';
import { count, type KeyReader, layerCount } from './reader.js';

/** The gated delta rule of the layers that have it. */
export interface DeltaRuleConfig extends DeltaRuleTraits {
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Tokens that the convolution sees, the newest included. */
  readonly window: number;
  /** For each layer, whether it has the delta rule in place of attention. */
  readonly layers: readonly boolean[];
}

/** Throws `CONFIG_INVALID`. */
export function readDeltaRule(reader: KeyReader<Quantity>, traits: DeltaRuleTraits): DeltaRuleConfig {
  if (traits.input === 'channelwise') return { ...traits, ...readChannelwise(reader) };
  const keyHeads = reader.read('deltaKeyHeads', count);
  const valueHeads = reader.read('deltaValueHeads', count);
  if (valueHeads % keyHeads !== 0) {
    throw reader.invalid('deltaValueHeads', `the ${keyHeads} heads of keys must divide it`);
  }
  const layers = readLayers(reader);
  if (!layers.includes(false)) throw reader.invalid('layerTypes', 'no layer has softmax attention');
  return {
    ...traits,
    keyHeads,
    valueHeads,
    keyDim: reader.read('deltaKeyDim', count),
    valueDim: reader.read('deltaValueDim', count),
    window: reader.read('convolutionWindow', count),
    layers,
  };
}

function readLayers(reader: KeyReader<Quantity>): boolean[] {
  const types = reader.read('layerTypes', z.array(z.string()).nullable());
  if (types) return types.map((type) => type === 'linear_attention');
  const interval = reader.read('fullInterval', count);
  const layers = reader.read('layers', layerCount);
  return Array.from({ length: layers }, (_, layer) => (layer + 1) % interval !== 0);
}
