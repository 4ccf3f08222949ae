import type { LayerEvidence } from '../evidence/evidence.js';
import type { Statistic } from '../evidence/statistic.js';
import type { MoeFfn } from '../model/model.js';
import type { Rng } from './rng.js';

/** Ranks the experts of a layer. A scorer among a plugin's `scorers` is a method, which drops the lowest (`dropLowest`). */
export interface Scorer {
  /** What a user gives as `method`. */
  readonly name: string;
  readonly title: string;
  /** Where the score comes from: a paper, or the field's folklore. */
  readonly reference: string;
  /** What must be measured; empty where a score needs no calibration text. */
  readonly needs: readonly Statistic[];
  /** One number for each entry of `ffn.pool`: the higher, the more worth keeping. */
  score(layer: LayerEvidence, context: ScorerContext): Float64Array;
}

export interface ScorerContext {
  readonly ffn: MoeFfn;
  readonly rng: Rng;
}
