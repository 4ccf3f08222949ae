import type { Quantity } from '../architectures/keys.js';
import type { RecurrenceTraits } from '../architectures/manifest.js';
import { readChannelwise } from './channelwise-config.js';
import { type DeltaRuleConfig, readDeltaRule } from './delta-rule-config.js';
import { readRecurrentLayers } from './layer-types.js';
import type { KeyReader } from './reader.js';
import { readShortConvolution, type ShortConvolutionConfig } from './short-convolution-config.js';
import { readStateSpace, type StateSpaceConfig } from './state-space-config.js';

/** The recurrence of the layers that have one. */
export type RecurrenceConfig = (DeltaRuleConfig | ShortConvolutionConfig | StateSpaceConfig) & {
  /** For each layer, whether it has the recurrence in place of attention. */
  readonly layers: readonly boolean[];
};

/** Throws `CONFIG_INVALID`. */
export function readRecurrence(reader: KeyReader<Quantity>, traits: RecurrenceTraits): RecurrenceConfig {
  if (traits.kind === 'gated-delta-rule' && traits.input === 'channelwise') {
    return { ...traits, ...readChannelwise(reader) };
  }
  const layers = readRecurrentLayers(reader, traits.kind);
  switch (traits.kind) {
    case 'gated-delta-rule':
      return { ...readDeltaRule(reader, traits), layers };
    case 'short-convolution':
      return { ...readShortConvolution(reader), layers };
    case 'state-space':
      return { ...readStateSpace(reader, traits), layers };
  }
}
