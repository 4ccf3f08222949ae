import type { LayerEvidence } from '../evidence/evidence.js';
import type { Statistic } from '../evidence/statistic.js';
import type { MoeFfn } from '../model/model.js';
import type { Rng } from './rng.js';

/** Ranks the experts of a layer. A scorer among a plugin's `scorers` is a method, which drops the lowest (`dropLowest`). */
export interface Scorer {
  /** The name that a user gives as `method`. */
  readonly name: string;
  readonly title: string;
  /** The source of the score: a paper, or common practice. */
  readonly reference: string;
  /** The statistics to be measured; empty if a score needs no calibration text. */
  readonly needs: readonly Statistic[];
  /** One score for each entry of `ffn.pool`; experts with high scores are kept. */
  score(layer: LayerEvidence, context: ScorerContext): Float64Array;
}

export interface ScorerContext {
  readonly ffn: MoeFfn;
  readonly rng: Rng;
}
