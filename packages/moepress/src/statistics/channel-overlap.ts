import { type ExpertScores, flatten } from './channel-mass.js';

/** How far two calibration sets agree on the channels to keep. */
export interface Overlap {
  /** Share of the channels that is removed. */
  readonly removed: number;
  /**
   * The share of the channels kept by one set that the other set keeps too: the best of the model, or the best of
   * each expert.
   */
  readonly model: number;
  readonly expert: number;
}

const ratios = [0.25, 0.5, 0.75];

/** Compares scores of the same experts. Two random choices overlap by 1 - removed. */
export function overlapsOf(a: readonly ExpertScores[], b: readonly ExpertScores[]): Overlap[] {
  const model = [rankings(flatten(a), flatten(b))];
  const experts = a.map(({ scores }, e) => rankings(scores, b[e]!.scores));
  return ratios.map((removed) => ({
    removed,
    model: commonShare(model, removed),
    expert: commonShare(experts, removed),
  }));
}

type Rankings = readonly [Uint32Array, Uint32Array];

const rankings = (a: Float64Array, b: Float64Array): Rankings => [ranking(a), ranking(b)];

/** Channels from the best to the worst; of equal ones the last comes first, as fisher-moe keeps them. */
function ranking(scores: Float64Array): Uint32Array {
  const channels = new Uint32Array(scores.length).map((_, channel) => channel);
  return channels.sort((a, b) => scores[b]! - scores[a]! || b - a);
}

/** Over all pairs of rankings: of what the first keeps, the share that the second keeps as well. */
function commonShare(pairs: readonly Rankings[], removed: number): number {
  let [kept, both] = [0, 0];
  for (const [a, b] of pairs) {
    const count = a.length - Math.trunc(a.length * removed);
    const inFirst = new Uint8Array(a.length);
    for (const channel of a.subarray(0, count)) inFirst[channel] = 1;
    for (const channel of b.subarray(0, count)) both += inFirst[channel]!;
    kept += count;
  }
  return both / kept;
}
