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
