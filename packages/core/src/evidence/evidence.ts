import type { CalibrationRecord } from './calibration.js';
import type { Statistic } from './statistic.js';

/** Statistics of a calibration set by layer: the input of a method's decisions. */
export interface Evidence {
  readonly calibration: CalibrationRecord;
  /** The MoE layers in depth order. */
  readonly layers: readonly LayerEvidence[];
  /** The layers with a dense FFN or a shared expert in depth order, for statistics of those. */
  readonly mlps: readonly LayerEvidence[];
  /** The layers with attention in depth order, for statistics of that. */
  readonly attention: readonly LayerEvidence[];
}

export interface LayerEvidence {
  /** Index of the decoder layer. */
  readonly layer: number;
  /** An output of a statistic, summed over the calibration tokens. Throws if it was not collected. */
  read(statistic: Statistic, output: string): Float64Array;
}

/** What was measured on the experts of a layer. Throws if nothing was, which is a mistake in a method's `needs`. */
export function layerEvidence(evidence: Evidence | null, layer: number): LayerEvidence {
  return found(evidence?.layers, layer, 'experts');
}

/** What was measured on the dense FFN or the shared expert of a layer. Throws if nothing was. */
export function mlpEvidence(evidence: Evidence | null, layer: number): LayerEvidence {
  return found(evidence?.mlps, layer, 'dense FFN or shared expert');
}

function found(layers: readonly LayerEvidence[] | undefined, layer: number, what: string): LayerEvidence {
  const measured = layers?.find((candidate) => candidate.layer === layer);
  if (!measured) throw new Error(`There is no evidence for the ${what} of layer ${layer}.`);
  return measured;
}
