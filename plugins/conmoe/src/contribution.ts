import { type Evidence, layerEvidence, MoepressError, means } from '@moepress/core';
import { expertHits, gatedOutputNorms } from '@moepress/graph';
import type { Scope } from './scopes.js';

/** The measurements of a scope's experts on the calibration tokens, in the order of its members. */
export interface Contributions {
  /** a_e: mean over the tokens routed to e of g ||f(x)||_2; 0 without tokens. */
  readonly values: Float64Array;
  /** Tokens routed to each expert, in all layers that use it. */
  readonly tokens: Float64Array;
}

/** The statistics contributions are made of. */
export const contributionNeeds = [expertHits, gatedOutputNorms];

/**
 * The contribution of every expert (arXiv:2605.29350; REAP ranks by the same quantity), with g the
 * weight the forward pass uses. Throws `WEIGHTS_NOT_FINITE` if one is not a number.
 */
export function contributionsOf(scope: Scope, evidence: Evidence | null): Contributions {
  const layers = new Map(
    scope.layers.map((layer) => {
      const measured = layerEvidence(evidence, layer);
      const [counts, sums] = [measured.read(expertHits, 'count'), measured.read(gatedOutputNorms, 'sum')];
      return [layer, { counts, sums }];
    }),
  );
  const total = (of: 'counts' | 'sums') =>
    Float64Array.from(scope.members, ({ places }) =>
      places.reduce((sum, { layer, index }) => sum + layers.get(layer)![of][index]!, 0),
    );
  const [tokens, sums] = [total('counts'), total('sums')];
  const values = means(sums, tokens);
  const broken = values.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    const { layer, index } = scope.members[broken]!;
    throw new MoepressError('WEIGHTS_NOT_FINITE', {
      message: `The outputs of expert ${index} are not finite.`,
      where: `layer ${layer}`,
    });
  }
  return { values, tokens };
}
