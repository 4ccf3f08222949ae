import type { Quantity } from '../architectures/keys.js';
import type { DeltaRuleTraits } from '../architectures/manifest.js';
import { count, type KeyReader } from './reader.js';

/** The gated delta rule of the layers that have it. */
export interface DeltaRuleConfig extends DeltaRuleTraits {
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Tokens that the convolution sees, the newest included. */
  readonly window: number;
}

/** Throws `CONFIG_INVALID`. */
export function readDeltaRule(reader: KeyReader<Quantity>, traits: DeltaRuleTraits): DeltaRuleConfig {
  const keyHeads = reader.read('deltaKeyHeads', count);
  const valueHeads = reader.read('deltaValueHeads', count);
  if (valueHeads % keyHeads !== 0) {
    throw reader.invalid('deltaValueHeads', `the ${keyHeads} heads of keys must divide it`);
  }
  return {
    ...traits,
    keyHeads,
    valueHeads,
    keyDim: reader.read('deltaKeyDim', count),
    valueDim: reader.read('deltaValueDim', count),
    window: reader.read('convolutionWindow', count),
  };
}
