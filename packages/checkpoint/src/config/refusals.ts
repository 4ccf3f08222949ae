import { isDeepStrictEqual } from 'node:util';
import { MoepressError, shown } from '@moepress/core';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import type { KeyReader } from './reader.js';

/**
 * Throws `CONFIG_UNSUPPORTED` for settings of single layers, for what `fixed` of the manifest excludes, for tokens that see what follows them, for weights under
 * another name, for a head other than that of a language model, and for a layout of experts that is written and not read.
 */
export function refuseUnsupported(
  reader: KeyReader<Quantity>,
  raw: JsonObject,
  { fixed = {} }: ArchitectureManifest,
  file: string,
): void {
  if (reader.value('perLayer') !== null) {
    throw reader.unsupported('perLayer', 'one configuration for all layers');
  }
  if (reader.value('causal') === false) throw reader.unsupported('causal', 'true');
  if (reader.value('weightsFile') !== null) {
    throw reader.unsupported('weightsFile', 'model.safetensors or its shards');
  }
  refuseOtherHeads(raw, file);
  refuseUnread(raw, fixed, file);
  if (raw.less_is_moe === undefined || raw.less_is_moe === null) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'The experts lie side by side in the less-is-moe layout, which is written and not read.',
    where: `${file}: less_is_moe`,
    hint: 'Use the checkpoint it was made from with its moepress_plan.json.',
  });
}

/** Refuses keys that transformers does not look at, but that ask for another mathematics. Throws `CONFIG_UNSUPPORTED`. */
function refuseUnread(
  raw: JsonObject,
  fixed: NonNullable<ArchitectureManifest['fixed']>,
  file: string,
): void {
  for (const [name, values] of Object.entries(fixed)) {
    const told = raw[name];
    if (told === undefined || told === null || values.some((value) => isDeepStrictEqual(value, told)))
      continue;
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `"${name}" is ${shown(told)}; only ${values.map((value) => JSON.stringify(value)).join(' or ')} is implemented (transformers does not look at it).`,
      where: `${file}: ${name}`,
    });
  }
}

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
