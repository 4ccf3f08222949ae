import type { LayerEvidence } from '../evidence/evidence.js';
import type { Statistic } from '../evidence/statistic.js';
import type { MoeFfn } from '../model/model.js';
import type { Rng } from './rng.js';

/** Ranks the experts (or channels) of one layer; the higher, the more worth keeping. */
export interface Scorer {
  readonly name: string;
  readonly title: string;
  /** Where the score comes from: a paper, or the field's folklore. */
  readonly reference: string;
  readonly unit: 'expert' | 'channel';
  readonly needs: readonly Statistic[];
  score(layer: LayerEvidence, context: ScorerContext): Float64Array;
}

export interface ScorerContext {
  readonly ffn: MoeFfn;
  readonly rng: Rng;
}
