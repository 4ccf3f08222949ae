import type { Compressor } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import type { Scorer } from '../method/scorer.js';

/** What a package adds to moepress. */
export interface Plugin {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own options; its schema checks them.
  readonly compressors?: readonly Compressor<any>[];
  /** Rankings of experts: each is a method that drops the lowest of every layer. */
  readonly scorers?: readonly Scorer[];
  // biome-ignore lint/suspicious/noExplicitAny: as for compressors.
  readonly refiners?: readonly Refiner<any>[];
}

/** Identity, for type inference: `export default definePlugin({ ... })`. */
export function definePlugin<P extends Plugin>(plugin: P): P {
  return plugin;
}
