import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { JsonObject } from '../folder/json.js';
import type { ConfigReader } from './reader.js';

/** A key whose other values would change the mathematics: refused, never ignored. */
interface Requirement {
  readonly key: string;
  readonly holds: (value: unknown) => boolean;
  /** What is implemented, for the message. */
  readonly need: string;
}

const absent = (value: unknown) => value === undefined || value === null;

const requirements: readonly Requirement[] = [
  { key: 'hidden_act', holds: (v) => absent(v) || v === 'silu' || v === 'swish', need: '"silu"' },
  // A window size alone does nothing: transformers reads it only when this flag is set.
  { key: 'use_sliding_window', holds: (v) => absent(v) || v === false, need: 'false' },
  {
    key: 'layer_types',
    holds: (v) => absent(v) || (Array.isArray(v) && v.every((type) => type === 'full_attention')),
    need: 'full_attention in every layer',
  },
  { key: 'partial_rotary_factor', holds: (v) => absent(v) || v === 1, need: '1' },
  { key: 'per_layer_config', holds: absent, need: 'one configuration for all layers' },
  { key: 'quantization_config', holds: absent, need: 'unquantised weights' },
];

/** Throws `CONFIG_UNSUPPORTED` for the first value that is not implemented. */
export function refuseUnsupported(
  raw: JsonObject,
  manifest: ArchitectureManifest,
  reader: ConfigReader,
): void {
  const failed = requirements.find(({ key, holds }) => !holds(raw[key]));
  if (failed) throw reader.unsupported(failed.key, raw[failed.key], failed.need);
  const classes = raw.architectures;
  // A head for classification or embedding, on the same decoder.
  if (Array.isArray(classes) && classes.length > 0 && !classes.includes(manifest.className)) {
    throw reader.unsupported('architectures', classes, manifest.className);
  }
}
