import type { ArchitectureManifest } from '../architectures/manifest.js';
import type { FamilyConfig } from '../config/family.js';
import type { CompactRecord } from './compact.js';
import type { TensorSource } from './tensor-source.js';

/** What the blocks of a model are built from. */
export interface Parts {
  readonly manifest: ArchitectureManifest;
  readonly config: FamilyConfig;
  readonly tensors: TensorSource;
  readonly compact: CompactRecord | null;
  /**
   * Where fused projections are told apart; the same arrays for all experts. As long as config.json says, so only to be
   * asked for when a tensor of that size was found.
   */
  readonly gateUpRows: () => GateUpRows;
}

export interface GateUpRows {
  readonly gate: readonly number[];
  readonly up: readonly number[];
}
