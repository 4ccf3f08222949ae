import { alignWidths } from './align.js';
import { bestBlocks, blockMeans } from './blocks.js';
import { type Narrowing, narrow, type Reserve, reserve, type Scope } from './budget.js';
import { channelCount, channelsIn, type ExpertChannels } from './channels.js';
import { highest, lowest } from './lowest.js';

/** Which channels an expert keeps, counted within it, ascending. */
export interface Kept {
  readonly channels: ExpertChannels;
  readonly kept: readonly number[];
}

/** The decision for the model, with its intermediate results. */
export interface Decision {
  readonly experts: readonly Kept[];
  readonly narrowings: readonly Narrowing[];
}

/**
 * Every scope loses its lowest channels; then widths become multiples of `align`. Channels go in blocks of `block`
 * neighbours, of which `align` is a multiple.
 */
export function decide(
  experts: readonly ExpertChannels[],
  scopes: readonly Scope[],
  own: Float64Array,
  { align, block, ...held }: Reserve & { readonly align: number; readonly block: number },
): Decision {
  const scores = blockMeans(experts, own, block);
  const reserved = reserve(experts, scores, held);
  const narrowings = scopes.map((scope) => narrow(scope, scores, reserved));
  const kept = narrowings.flatMap(({ scope, widths, reserved: least }) => {
    const wanted = scope.experts.map(({ expert }, e) => ({
      target: widths[e]!,
      least: least[e]!,
      most: expert.width,
    }));
    const aligned = alignWidths(wanted, align);
    return scope.experts.map((expert, e) => {
      const width = aligned[e]!;
      return keep(
        expert,
        block === 1
          ? highest(scores, channelsIn([expert]), width)
          : bestBlocks(expert, scores, { width, size: block }),
      );
    });
  });
  return { experts: kept, narrowings };
}

/** The critical-units experiment: exactly the `count` best channels of the model go. */
export function withoutTop(
  experts: readonly ExpertChannels[],
  scores: Float64Array,
  count: number,
): Decision {
  const all = channelsIn(experts);
  const left = new Uint8Array(scores.length);
  for (const channel of lowest(scores, all, Math.max(0, all.length - count))) left[channel] = 1;
  const kept = experts.map((own) =>
    keep(
      own,
      channelsIn([own]).filter((channel) => left[channel]),
    ),
  );
  return { experts: kept, narrowings: [] };
}

/** Like `decide` where all experts of a scope have equal scores: each loses the same share of its last channels. */
export function evenly(
  scopes: readonly Scope[],
  { floor, align }: Pick<Reserve, 'floor'> & { readonly align: number },
): Decision {
  const experts = scopes.flatMap(({ experts: own, drop }) => {
    const channels = channelCount(own);
    let [seen, gone] = [0, 0];
    const wanted = own.map(({ expert: { width } }) => {
      seen += width;
      const least = Math.min(floor, width);
      const target = Math.max(least, width - (Math.round((drop * seen) / channels) - gone));
      gone += width - target;
      return { target, least, most: width };
    });
    const widths = alignWidths(wanted, align);
    return own.map((expert, e) => keep(expert, channelsIn([expert]).subarray(0, widths[e]!)));
  });
  return { experts, narrowings: [] };
}

const keep = (channels: ExpertChannels, kept: Uint32Array): Kept => ({
  channels,
  kept: Array.from(kept, (channel) => channel - channels.start),
});
