import { MoepressError } from '@moepress/core';
import { channelCount, channelsIn, type ExpertChannels } from './channels.js';
import { highest, lowest } from './lowest.js';

/** The unit that loses the given share of channels: every expert (IntDim-E), every layer (L) or the model (G). */
export type Budget = 'expert' | 'layer' | 'model';

/** Experts that lose channels together. */
export interface Scope {
  readonly experts: readonly ExpertChannels[];
  /** Channels that must go: int(channels * ratio) (arXiv:2606.05538, released code). */
  readonly drop: number;
}

/** Channels that stay whatever the budget says. */
export interface Reserve {
  /** Channels that each expert keeps at least. */
  readonly floor: number;
  /** The best channels of the whole model. */
  readonly protectTop: number;
}

/** A scope after its lowest channels went. */
export interface Narrowing {
  readonly scope: Scope;
  /** Channels that each expert keeps. */
  readonly widths: readonly number[];
  /** The fewest channels that each expert may keep. */
  readonly reserved: readonly number[];
  /** Highest score that went; null if none did. */
  readonly threshold: number | null;
}

export function scopesOf(experts: readonly ExpertChannels[], budget: Budget, ratio: number): Scope[] {
  const key = {
    expert: ({ layer, index }: ExpertChannels) => `${layer}.${index}`,
    layer: ({ layer }: ExpertChannels) => `${layer}`,
    model: () => '',
  }[budget];
  const groups = new Map<string, ExpertChannels[]>();
  for (const expert of experts) {
    const group = groups.get(key(expert));
    if (group) group.push(expert);
    else groups.set(key(expert), [expert]);
  }
  return [...groups.values()].map((group) => ({
    experts: group,
    drop: Math.trunc(channelCount(group) * ratio),
  }));
}

/**
 * Throws `RATIO_TOO_HIGH` if a scope cannot lose its share: experts would fall below the floor, or
 * rounding its channels to multiples of `align` leaves none.
 */
export function checkScopes(scopes: readonly Scope[], floor: number, align: number): void {
  for (const { experts, drop } of scopes) {
    const [channels, kept] = [channelCount(experts), channelCount(experts) - drop];
    const least = experts.reduce((sum, { expert }) => sum + Math.min(floor, expert.width), 0);
    const { layer, index } = experts[0]!;
    const refuse = (problem: string, hint: string) =>
      new MoepressError('RATIO_TOO_HIGH', {
        message: `${kept} of ${channels} channels would remain from expert ${index} of layer ${layer} on, ${problem}.`,
        where: 'options.ratio',
        hint,
      });
    if (kept < least) throw refuse(`but the floor demands ${least}`, 'Lower the ratio or the floor.');
    if (least === 0 && 2 * kept < Math.min(align, channels)) {
      throw refuse(`which rounds to none by multiples of ${align}`, 'Lower the ratio or align.');
    }
  }
}

/** Which channels must stay, as flags by number. */
export function reserve(
  experts: readonly ExpertChannels[],
  scores: Float64Array,
  { floor, protectTop }: Reserve,
): Uint8Array {
  const reserved = new Uint8Array(scores.length);
  const all = channelsIn(experts);
  const top = highest(scores, all, Math.min(protectTop, all.length));
  const floors = experts.map((expert) =>
    highest(scores, channelsIn([expert]), Math.min(floor, expert.expert.width)),
  );
  for (const channels of [top, ...floors]) for (const channel of channels) reserved[channel] = 1;
  return reserved;
}

/** Lets the lowest channels of a scope go; fewer than its budget where too many are reserved. */
export function narrow(scope: Scope, scores: Float64Array, reserved: Uint8Array): Narrowing {
  const { experts, drop } = scope;
  const candidates = channelsIn(experts).filter((channel) => !reserved[channel]);
  const gone = lowest(scores, candidates, Math.min(drop, candidates.length));
  return {
    scope,
    widths: experts.map((own) => own.expert.width - countWithin(gone, own)),
    reserved: experts.map(({ start, expert }) =>
      reserved.subarray(start, start + expert.width).reduce((sum, flag) => sum + flag, 0),
    ),
    threshold: gone.length === 0 ? null : gone.reduce((most, c) => Math.max(most, scores[c]!), 0),
  };
}

/** How many of `channels`, which ascend, are of one expert. */
function countWithin(channels: Uint32Array, { start, expert }: ExpertChannels): number {
  return lowerBound(channels, start + expert.width) - lowerBound(channels, start);
}

/** How many of `channels`, which ascend, are below `limit`. */
function lowerBound(channels: Uint32Array, limit: number): number {
  let [low, high] = [0, channels.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (channels[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
