import { MoepressError, shown } from '@moepress/core';
import type { JsonObject } from '../folder/json.js';

/** Classes with another head on the same decoder, or that let tokens see what follows them. */
const other = /For(?!CausalLM)[A-Z]|Classif|Reward|Embed|Bidirectional/;

/**
 * Refuses checkpoints that are no language models, by the names under `architectures`. As in transformers `model_type`
 * decides what a decoder is: wrappers leave names such as FSDPLlamaForCausalLM there, and converters others. Throws
 * `CONFIG_UNSUPPORTED`.
 */
export function refuseOtherHeads({ architectures }: JsonObject, file: string): void {
  const names = Array.isArray(architectures)
    ? architectures.filter((name): name is string => typeof name === 'string')
    : [];
  if (names.length === 0 || !names.every((name) => other.test(name))) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `"architectures" is ${shown(names)}: this is no model that predicts the next token.`,
    where: `${file}: architectures`,
    hint: 'Use the language model that it was made from.',
  });
}
