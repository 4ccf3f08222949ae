import type { CalibrationRecord } from './calibration.js';
import type { Statistic } from './statistic.js';

/** What was measured on a calibration set, by layer. */
export interface Evidence {
  readonly calibration: CalibrationRecord;
  /** In depth order, MoE layers only. */
  readonly layers: readonly LayerEvidence[];
  /** In depth order: layers with a dense FFN or a shared expert, for what is measured of those. */
  readonly mlps: readonly LayerEvidence[];
}

export interface LayerEvidence {
  /** Decoder layer. */
  readonly layer: number;
  /** An output of a statistic, summed over the calibration tokens. Throws if it was not collected. */
  read(statistic: Statistic, output: string): Float64Array;
}
