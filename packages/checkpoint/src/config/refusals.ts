import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { KeyReader } from './reader.js';

/** Throws `CONFIG_UNSUPPORTED` for settings of single layers, and for a head other than that of a language model. */
export function refuseUnsupported(
  reader: KeyReader<Quantity>,
  { className }: Pick<ArchitectureManifest, 'className'>,
): void {
  if (reader.value('perLayer') !== null) {
    throw reader.unsupported('perLayer', 'one configuration for all layers');
  }
  const classes = reader.read('classes', z.unknown());
  // A head for classification or embedding, on the same decoder.
  if (Array.isArray(classes) && classes.length > 0 && !classes.includes(className)) {
    throw reader.unsupported('classes', className);
  }
}
