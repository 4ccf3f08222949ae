import type { LayerEvidence, Router, Statistic } from '@moepress/core';
import { gateWeightSums } from '@moepress/graph';

/** The factors on the parts of the dense FFN. */
export const scalings = ['uniform', 'proportional', 'matched'] as const;

export type Scaling = (typeof scalings)[number];

export const scalingNeeds = (scaling: Scaling): readonly Statistic[] =>
  scaling === 'matched' ? [gateWeightSums] : [];

/**
 * A router that divides the chosen weights by their sum has an average weight of 1/k; others have less, which is
 * measured.
 */
export const defaultScaling = ({ normalise }: Router): Scaling => (normalise ? 'uniform' : 'matched');

export interface ScaleRequest {
  readonly scaling: Scaling;
  readonly router: Router;
  /** Sum of the scores of each part's experts. */
  readonly scores: readonly number[];
  readonly layer: LayerEvidence;
  /** Calibration tokens. */
  readonly tokens: number;
}

/**
 * Constants c of the m parts. With s the router's own scale: `uniform` s/m, which is the mean weight where the
 * router normalises; `proportional` to the scores, with the sum s; `matched` equal, with the sum of a token's
 * weights as the forward pass uses them, on average over the tokens.
 */
export function scaleParts({ scaling, router, scores, layer, tokens }: ScaleRequest): number[] {
  const parts = scores.length;
  if (scaling === 'matched') {
    const sum = layer.read(gateWeightSums, 'sum').reduce((total, weight) => total + weight, 0);
    return scores.map(() => sum / tokens / parts);
  }
  if (scaling === 'uniform') return scores.map(() => router.scale / parts);
  return shares(scores).map((share) => router.scale * share);
}

/** Scores over their sum; equal shares where all are 0. */
export function shares(scores: readonly number[]): number[] {
  const sum = scores.reduce((total, score) => total + score, 0);
  return scores.map((score) => (sum > 0 ? score / sum : 1 / scores.length));
}
