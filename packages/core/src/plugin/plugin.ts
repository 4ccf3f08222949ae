import type { Statistic } from '../evidence/statistic.js';
import type { Compressor } from '../method/compressor.js';
import type { Refiner } from '../method/refiner.js';
import type { Scorer } from '../method/scorer.js';

/** What a package adds to moepress. */
export interface Plugin {
  readonly name: string;
  readonly scorers?: readonly Scorer[];
  // biome-ignore lint/suspicious/noExplicitAny: each method has its own options; its schema checks them.
  readonly compressors?: readonly Compressor<any>[];
  // biome-ignore lint/suspicious/noExplicitAny: as for compressors.
  readonly refiners?: readonly Refiner<any>[];
  readonly statistics?: readonly Statistic[];
}

/** Identity, for type inference: `export default definePlugin({ ... })`. */
export function definePlugin<P extends Plugin>(plugin: P): P {
  return plugin;
}
