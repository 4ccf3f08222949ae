import type { LayerPlan } from '@moepress/core';
import type { ChosenExpert } from './search.js';
import type { Fit } from './weights.js';

/** The experts a layer keeps, with their weights. */
export interface CondensedLayer {
  readonly layer: number;
  /** First to last choice; distances are those of the search, which goes by mean weights. */
  readonly experts: readonly ChosenExpert[];
  /** Null unless the weights were fitted. */
  readonly residual: Fit['residual'] | null;
}

/** One dense FFN of the shared experts and those experts, their weights in the down projections (arXiv:2412.00069, step D). */
export function planLayer({ layer, experts }: CondensedLayer): LayerPlan {
  const parts = experts.map(({ expert, weight }) => ({ experts: [expert], shares: [1], scale: weight }));
  return { layer, ops: [{ op: 'condense', parts, shared: null, align: 1 }] };
}
