import { type LayerEvidence, type MoeFfn, type Rng, type Statistic, topIndices } from '@moepress/core';
import { outputGram } from '@moepress/graph';
import { meanDiagonal, scoredKernel, selectDOptimal } from './d-optimal.js';
import { scorers } from './scorers.js';

/** Ways to choose experts: the highest of a score, or by ACP and diversity at once. */
export const scorings = ['do-acp', ...(Object.keys(scorers) as (keyof typeof scorers)[])] as const;

export type Scoring = (typeof scorings)[number];

/** Experts of a layer's pool, ascending, and the scores of all of them, which weigh what is averaged or scaled. */
export interface Selection {
  readonly experts: readonly number[];
  readonly scores: Float64Array;
}

export interface SelectOptions {
  readonly scoring: Scoring;
  /** The number of experts to select, K. */
  readonly count: number;
  /** Lambda of DO-ACP over the mean diagonal of its kernel. */
  readonly regulariser: number;
}

const scorerOf = (scoring: Scoring) => scorers[scoring === 'do-acp' ? 'acp' : scoring];

export function selectionNeeds(scoring: Scoring): readonly Statistic[] {
  const { needs } = scorerOf(scoring);
  return scoring === 'do-acp' ? [...needs, outputGram] : needs;
}

/** The K experts that represent a layer. */
export function selectExperts(
  layer: LayerEvidence,
  context: { readonly ffn: MoeFfn; readonly rng: Rng },
  { scoring, count, regulariser }: SelectOptions,
): Selection {
  const scores = scorerOf(scoring).score(layer, context);
  const experts =
    scoring === 'do-acp' ? diverse(layer, scores, count, regulariser) : topIndices(scores, count);
  return { experts: [...experts].sort((a, b) => a - b), scores };
}

function diverse(layer: LayerEvidence, scores: Float64Array, count: number, regulariser: number) {
  const kernel = scoredKernel(scores, layer.read(outputGram, 'gram'));
  const lambda = regulariser * meanDiagonal(kernel, scores.length);
  return selectDOptimal(kernel, scores.length, count, lambda).selected;
}
