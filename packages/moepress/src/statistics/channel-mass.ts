import { type Evidence, type Model, moeBlocks, type Statistic } from '@moepress/core';

/** The scores of one expert's channels. */
export interface ExpertScores {
  readonly layer: number;
  readonly expert: number;
  readonly scores: Float64Array;
}

/** Where the scores of a model's channels lie; shares are of the sum over all of them. */
export interface Mass {
  readonly layers: readonly LayerMass[];
  /** What the best channels of the model hold. */
  readonly concentration: readonly { readonly channels: number; readonly share: number }[];
}

export interface LayerMass {
  readonly layer: number;
  readonly share: number;
  /** Shares by position in the pool. */
  readonly experts: readonly number[];
}

/** Shares of the best channels that are told. */
const heads = [0.01, 0.1];

/** The channels of every expert as measured; experts may differ in width. */
export function expertScores(model: Model, evidence: Evidence, statistic: Statistic): ExpertScores[] {
  return moeBlocks(model).flatMap(({ index: layer, ffn }) => {
    const measured = evidence.layers.find((candidate) => candidate.layer === layer)!;
    const scores = measured.read(statistic, 'sum');
    // The rows of narrower experts end in zeros.
    const row = scores.length / ffn.pool.length;
    return ffn.pool.map(({ width }, expert) => ({
      layer,
      expert,
      scores: scores.subarray(expert * row, expert * row + width),
    }));
  });
}

export function massOf(experts: readonly ExpertScores[]): Mass {
  const sums = experts.map(({ scores }) => sumOf(scores));
  const total = sumOf(sums);
  const share = (mass: number) => (total > 0 ? mass / total : 0);
  const layers = [...new Set(experts.map(({ layer }) => layer))].map((layer) => {
    const own = sums.filter((_, e) => experts[e]!.layer === layer).map(share);
    return { layer, share: sumOf(own), experts: own };
  });
  const descending = flatten(experts).sort().reverse();
  const concentration = heads.map((channels) => {
    const best = descending.subarray(0, Math.ceil(channels * descending.length));
    return { channels, share: share(sumOf(best)) };
  });
  return { layers, concentration };
}

/** The scores of all channels, expert after expert. */
export function flatten(experts: readonly ExpertScores[]): Float64Array {
  const all = new Float64Array(experts.reduce((sum, { scores }) => sum + scores.length, 0));
  let start = 0;
  for (const { scores } of experts) {
    all.set(scores, start);
    start += scores.length;
  }
  return all;
}

const sumOf = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};
