import { MoepressError } from '@moepress/core';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import { withLayerTypes } from './layer-pattern.js';
import { jsonObject } from './reader.js';

/** Keys that a wrapper has for the model inside it. */
const outer = ['quantization_config', 'dtype', 'torch_dtype', 'tie_word_embeddings', 'transformers_weights'];

/**
 * The configuration of the text model: config.json itself, or what stands in it under the family's `nested` with the
 * wrapper's own quantisation and storage type where that has none. The wrapper's `tie_word_embeddings` prevails, as in
 * transformers. A pattern of layers is spelt out. Throws `CONFIG_INVALID` where the inner configuration is missing.
 */
export function textConfig(
  config: JsonObject,
  { nested, keys }: Pick<ArchitectureManifest, 'nested' | 'keys'>,
  file: string,
): JsonObject {
  if (nested === undefined) return withLayerTypes(config, keys, file);
  const parsed = jsonObject.safeParse(config[nested]);
  if (!parsed.success) {
    throw new MoepressError('CONFIG_INVALID', {
      message: `There is no configuration of the text model under "${nested}".`,
      where: file,
    });
  }
  const inner = parsed.data;
  const given = outer.filter((key) => config[key] !== undefined && config[key] !== null);
  const prevailing = given.filter(
    (key) => key === 'tie_word_embeddings' || inner[key] === undefined || inner[key] === null,
  );
  return { ...inner, ...Object.fromEntries(prevailing.map((key) => [key, config[key]])) };
}

/** config.json with what `change` makes of the configuration of its text model. */
export function withTextConfig(
  config: JsonObject,
  { nested }: Pick<ArchitectureManifest, 'nested'>,
  change: (inner: JsonObject) => JsonObject,
): JsonObject {
  if (nested === undefined) return change(config);
  return { ...config, [nested]: change(config[nested] as JsonObject) };
}
