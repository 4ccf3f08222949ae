import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { FamilyConfig } from '../config/family.js';
import type { LayerParts } from '../config/layer-types.js';
import type { CompactRecord } from './compact.js';
import type { GateUpRows } from './gate-up.js';
import type { TensorSource } from './tensor-source.js';

/** What the blocks of a model are built from. */
export interface BuildContext {
  readonly manifest: ArchitectureManifest;
  readonly config: FamilyConfig;
  /** Of layers that have settings of their own. */
  readonly layerConfigs: ReadonlyMap<number, FamilyConfig>;
  readonly tensors: TensorSource;
  readonly compact: CompactRecord | null;
  /**
   * Rows of gate and up in fused projections; the same arrays for all experts. As many as config.json says, so only to be
   * asked for when a tensor of that size was found.
   */
  readonly gateUpRows: () => GateUpRows;
}

/** Which parts a layer has: those that the family gives it, without those that a plan dropped. */
export function partsOf(
  layer: number,
  { config, compact }: Pick<BuildContext, 'config' | 'compact'>,
): LayerParts {
  const { mixer, ffn } = config.parts[layer]!;
  const gone = compact?.dropped?.find((record) => record.layer === layer)?.parts ?? [];
  return { mixer: mixer && !gone.includes('attention'), ffn: ffn && !gone.includes('ffn') };
}
