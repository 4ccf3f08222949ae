import { MoepressError } from '@moepress/core';
import type { Quantity } from '../architectures/keys.js';
import type { JsonObject } from '../folder/json.js';
import { refuseOtherHeads } from './class-names.js';
import type { KeyReader } from './reader.js';

/**
 * Throws `CONFIG_UNSUPPORTED` for settings of single layers, for tokens that see what follows them, for weights under
 * another name, for a head other than that of a language model, and for a layout of experts that is written and not read.
 */
export function refuseUnsupported(reader: KeyReader<Quantity>, raw: JsonObject, file: string): void {
  if (reader.value('perLayer') !== null) {
    throw reader.unsupported('perLayer', 'one configuration for all layers');
  }
  if (reader.value('causal') === false) throw reader.unsupported('causal', 'true');
  if (reader.value('weightsFile') !== null) {
    throw reader.unsupported('weightsFile', 'model.safetensors or its shards');
  }
  refuseOtherHeads(raw, file);
  if (raw.less_is_moe === undefined || raw.less_is_moe === null) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'The experts lie side by side in the less-is-moe layout, which is written and not read.',
    where: `${file}: less_is_moe`,
    hint: 'Use the checkpoint it was made from with its moepress_plan.json.',
  });
}
