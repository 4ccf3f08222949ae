import type { Decision, Kept } from './decide.js';
import { type BlockCost, byLayer, widthsOf } from './describe.js';

/** A layer that loses more than this share of its channels is worth a look. */
const mostLost = 0.9;
/** Matrix products of GPU kernels are fast at multiples of this width. */
const fastMultiple = 64;

/** Warnings about the result for the user. */
export function warningsOf(decision: Decision, scores: Float64Array): string[] {
  return [
    warnOfShortfall(decision),
    warnOfSilence(decision, scores),
    warnOfEmpty(decision),
    warnOfLayers(decision),
    warnOfWidths(decision),
  ].filter((warning) => warning !== undefined);
}

function warnOfShortfall({ narrowings }: Decision): string | undefined {
  const missing = narrowings.reduce((sum, { scope, widths }) => {
    const gone = scope.experts.reduce((total, { expert }, e) => total + expert.width - widths[e]!, 0);
    return sum + scope.drop - gone;
  }, 0);
  if (missing === 0) return undefined;
  return `${missing} channels stay beyond the budget, because they are protected.`;
}

function warnOfSilence({ experts }: Decision, scores: Float64Array): string | undefined {
  const silent = experts.filter(({ channels: { start, expert } }) =>
    scores.subarray(start, start + expert.width).every((score) => score === 0),
  );
  if (silent.length === 0) return undefined;
  return `${silent.length} experts received no gradient (layer.expert ${nameExperts(silent)}): no calibration token that a prediction depends on was routed to them, and all their channels count as useless. More or more varied calibration text would tell.`;
}

function warnOfEmpty({ experts }: Decision): string | undefined {
  const empty = experts.filter(({ kept, channels }) => kept.length === 0 && channels.expert.width > 0);
  if (empty.length === 0) return undefined;
  return `${empty.length} experts lose all their channels (layer.expert ${nameExperts(empty)}): the router still chooses them, and they add nothing. The option floor keeps some.`;
}

function warnOfLayers({ experts }: Decision): string | undefined {
  const lost = byLayer(experts).flatMap((own) => {
    const { before, after } = widthsOf(own);
    const share = 1 - after / before;
    return share > mostLost ? [`layer ${own[0]!.channels.layer} (${(100 * share).toFixed(0)} %)`] : [];
  });
  if (lost.length === 0) return undefined;
  return `Layers that lose more than 90 % of their channels: ${lost.join(', ')}.`;
}

function warnOfWidths({ experts }: Decision): string | undefined {
  const isFast = (width: number) => width % fastMultiple === 0;
  const slow = experts.filter(({ kept, channels }) => isFast(channels.expert.width) && !isFast(kept.length));
  if (slow.length === 0) return undefined;
  return `The widths of ${slow.length} of ${experts.length} experts are not multiples of ${fastMultiple}; GPU kernels are slower then. The option align rounds them.`;
}

/** Tells what it costs that channels go in blocks. */
export function warningOfBlocks({ size, score }: BlockCost): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return `Channels go in blocks of ${size}: those that go have ${percent(score.removed)} of the scores, and the lowest single channels, as many of each expert, have ${percent(score.bySingleChannels)}.`;
}

const mostNames = 8;

function nameExperts(experts: readonly Kept[]): string {
  const names = experts.slice(0, mostNames).map(({ channels: { layer, index } }) => `${layer}.${index}`);
  return (experts.length > names.length ? [...names, '...'] : names).join(', ');
}
