import { type Expert, mlpTensors, spreadOf, storedBytes } from '@moepress/core';
import { channelCount } from './channels.js';
import type { Decision, Kept } from './decide.js';

/** The part of the plan that describes the decision to its reader. */
export function describe({ experts, narrowings }: Decision) {
  const thresholds = narrowings.flatMap(({ threshold }) => (threshold === null ? [] : [threshold]));
  return {
    channels: widthsOf(experts),
    /** Highest score that went, over the budgets. */
    threshold: thresholds.length > 0 ? spreadOf(thresholds) : null,
    alignment: alignmentCost({ experts, narrowings }),
    layers: byLayer(experts).map((own) => ({
      layer: own[0]!.channels.layer,
      ...widthsOf(own),
      widths: spreadOf(own.map(({ kept }) => kept.length)),
    })),
  };
}

/** Channels that are kept beyond the budget (or, if negative, removed beyond it) because widths are multiples. */
function alignmentCost({ experts, narrowings }: Decision) {
  const targets = narrowings.flatMap(({ widths }) => widths);
  const extra = experts.map(({ kept }, e) => kept.length - (targets[e] ?? kept.length));
  return {
    channels: extra.reduce((sum, channels) => sum + channels, 0),
    bytes: experts.reduce(
      (sum, { channels }, e) => sum + Math.round(extra[e]! * bytesPerChannel(channels.expert)),
      0,
    ),
  };
}

/** Shares of the scores, from 0 to 1. */
export interface BlockCost {
  /** Channels of a block. */
  readonly size: number;
  readonly score: { readonly removed: number; readonly bySingleChannels: number };
}

/**
 * What it costs that whole blocks go: the share of the scores that went, and the share that the lowest single channels of
 * each expert have, as many of them. Null where channels go one by one.
 */
export function blockCost({ experts }: Decision, scores: Float64Array, size: number): BlockCost | null {
  if (size === 1) return null;
  let [gone, least, all] = [0, 0, 0];
  for (const { channels, kept } of experts) {
    const own = scores.subarray(channels.start, channels.start + channels.expert.width);
    const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);
    const whole = sum(own);
    all += whole;
    gone += whole - sum(kept.map((channel) => own[channel]!));
    least += sum(own.toSorted().subarray(0, own.length - kept.length));
  }
  const share = (part: number) => (all === 0 ? 0 : part / all);
  return { size, score: { removed: share(gone), bySingleChannels: share(least) } };
}

function bytesPerChannel(expert: Expert): number {
  const bytes = mlpTensors(expert).reduce((sum, tensor) => sum + storedBytes(tensor), 0);
  return bytes / Math.max(1, expert.width);
}

/** Experts of one layer after the other. */
export function byLayer(experts: readonly Kept[]): Kept[][] {
  const layers = new Map<number, Kept[]>();
  for (const expert of experts) {
    const own = layers.get(expert.channels.layer);
    if (own) own.push(expert);
    else layers.set(expert.channels.layer, [expert]);
  }
  return [...layers.values()];
}

/** Channels before and after. */
export const widthsOf = (experts: readonly Kept[]) => ({
  before: channelCount(experts.map(({ channels }) => channels)),
  after: experts.reduce((sum, { kept }) => sum + kept.length, 0),
});
