import type { Recurrence } from '@moepress/core';
import type { TensorNames } from '../architectures/manifest.js';
import type { RecurrenceConfig } from '../config/recurrence-config.js';
import type { BuildContext } from './build-context.js';
import { nameChannelwise } from './channelwise.js';
import { buildDeltaRule, nameDeltaRule } from './delta-rule.js';
import type { NamedTensor } from './named-tensor.js';
import { buildShortConvolution, nameShortConvolution } from './short-convolution.js';
import { buildStateSpace, nameStateSpace } from './state-space.js';

/** Throws what `TensorSource.take` throws. */
export function buildRecurrence(layer: number, config: RecurrenceConfig, context: BuildContext): Recurrence {
  switch (config.kind) {
    case 'gated-delta-rule':
      return buildDeltaRule(layer, config, context);
    case 'short-convolution':
      return buildShortConvolution(layer, config, context);
    case 'state-space':
      return buildStateSpace(layer, config, context);
  }
}

/** What `buildRecurrence` takes, under the names it takes it by. */
export function nameRecurrence(spec: Recurrence, names: TensorNames, layer: number): NamedTensor[] {
  switch (spec.kind) {
    case 'gated-delta-rule': {
      const { input } = spec;
      if (input.layout === 'channelwise') return nameChannelwise({ ...spec, input }, names, layer);
      return nameDeltaRule({ ...spec, input }, names.deltaRule, layer);
    }
    case 'short-convolution':
      return nameShortConvolution(spec, names.shortConvolution, layer);
    case 'state-space':
      return nameStateSpace(spec, names.stateSpace, layer);
  }
}
