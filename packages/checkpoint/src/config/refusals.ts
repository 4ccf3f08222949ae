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
const isFalse = (value: unknown) => absent(value) || value === false;

const requirements: readonly Requirement[] = [
  { key: 'hidden_act', holds: (v) => absent(v) || v === 'silu' || v === 'swish', need: '"silu"' },
  { key: 'mlp_bias', holds: isFalse, need: 'false' },
  // A window size alone does nothing in Qwen's families: it is read only when this flag is set.
  {
    key: 'use_sliding_window',
    holds: isFalse,
    need: 'false (programs differ in which layers they give the window)',
  },
  { key: 'partial_rotary_factor', holds: (v) => absent(v) || v === 1, need: '1' },
  { key: 'per_layer_config', holds: absent, need: 'one configuration for all layers' },
];

/** Where windows do not follow `layer_types`. */
const fullAttention: Requirement = {
  key: 'layer_types',
  holds: (v) => absent(v) || (Array.isArray(v) && v.every((type) => type === 'full_attention')),
  need: 'full_attention in every layer',
};

/** Throws `CONFIG_UNSUPPORTED` for the first value that is not implemented. */
export function refuseUnsupported(
  raw: JsonObject,
  { attention, className }: ArchitectureManifest,
  reader: ConfigReader,
): void {
  const byTypes = attention.kind === 'gqa' && attention.window === 'layer-types';
  const failed = [...requirements, ...(byTypes ? [] : [fullAttention])].find(
    ({ key, holds }) => !holds(raw[key]),
  );
  if (failed) throw reader.unsupported(failed.key, failed.need);
  const classes = raw.architectures;
  // A head for classification or embedding, on the same decoder.
  if (Array.isArray(classes) && classes.length > 0 && !classes.includes(className)) {
    throw reader.unsupported('architectures', className);
  }
}
