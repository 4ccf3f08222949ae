import { isRecurrent, type Model } from '@moepress/core';
import { bools, type Keys, uint } from '../file/metadata.js';

/** What a file says of what stands in the place of attention. */
export function recurrenceKeys({ blocks }: Model): Keys {
  const mixer = blocks.find(isRecurrent)?.attention;
  if (!mixer) return {};
  if (mixer.kind === 'short-convolution') {
    return { 'shortconv.l_cache': uint(mixer.convolution.weight.shape.at(-1)!) };
  }
  if (mixer.kind !== 'gated-delta-rule') return {};
  return {
    'ssm.conv_kernel': uint(mixer.convolution.shape.at(-1)!),
    'ssm.state_size': uint(mixer.keyDim),
    'ssm.group_count': uint(mixer.keyHeads),
    'ssm.time_step_rank': uint(mixer.valueHeads),
    'ssm.inner_size': uint(mixer.valueHeads * mixer.valueDim),
    'attention.recurrent_layers': bools(blocks.map(isRecurrent)),
  };
}
