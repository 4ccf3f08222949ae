import { fewCacheBytes, fewSequences } from '../few/few-plan.js';
import type { ModelRun } from '../forward/model-run.js';
import type { ResidentDecoder } from './decoder.js';
import type { Decoding, SamplingOptions } from './decoding.js';
import { type DividedDecoder, isWorthDividing } from './divided-decoder.js';
import type { FewDecoder } from './few-decoder.js';
import type { Prompts } from './lanes.js';
import type { Lane } from './prefill.js';

/** How a model goes from one token to the next: with all weights mapped, or one block at a time. */
export interface Generation {
  readonly run: ModelRun;
  readonly prompts: Prompts;
  /** Opens what takes tokens through all blocks while all are mapped; null: blocks are streamed. */
  readonly openDecoder: (() => Promise<ResidentDecoder>) | null;
  /** Opens what divides experts among the workers while all blocks are mapped; null: blocks are streamed. */
  readonly openDivided: (() => Promise<DividedDecoder>) | null;
  /** Opens what continues a few sequences, or yields it only if it is open; null where that cannot be had. */
  readonly openFew: (isWorthOpening: boolean) => Promise<FewDecoder | null>;
  /** Bytes for the keys and values of all sequences that are continued at once. */
  readonly memory: number;
}

export type Growing = { readonly lane: Lane; readonly decoding: Decoding };

/** Lanes that are continued at once, of which each worker has one at most. */
export type Group = readonly Growing[];

/**
 * How a group is continued: `few` by all workers without ONNX Runtime; `divided` each lane by its worker and each expert by one of them
 * for all lanes; `resident` each lane by its worker; `streamed` block by block, which are mapped anew for each token.
 */
export type Way = 'few' | 'divided' | 'resident' | 'streamed';

/** What continues groups, as far as there are such. */
export interface Decoders {
  readonly few: FewDecoder | null;
  readonly divided: DividedDecoder | null;
  readonly resident: ResidentDecoder | null;
}

/** The way of each group, what is opened for it, and bytes of the largest keys and values of a group that goes by `few`. */
export async function openWays(
  generation: Generation,
  groups: readonly Group[],
  options: SamplingOptions,
): Promise<{
  readonly decoders: Decoders;
  readonly ways: ReadonlyMap<Group, Way>;
  readonly fewCaches: number;
}> {
  const fitting = fewGroups(generation, groups, options);
  const few = await openedFew(generation, [...fitting.keys()], options);
  const ways = new Map(
    groups.map((group) => [group, few && fitting.has(group) ? 'few' : graphWayOf(generation, group)]),
  );
  const wanted = new Set(ways.values());
  return {
    ways,
    fewCaches: few ? Math.max(0, ...fitting.values()) : 0,
    decoders: {
      few,
      divided: wanted.has('divided') ? await generation.openDivided!() : null,
      resident: wanted.has('resident') ? await generation.openDecoder!() : null,
    },
  };
}

function graphWayOf({ run, openDecoder, openDivided }: Generation, group: Group): Way {
  const { model, engine } = run;
  const lanes = group.map(({ lane }) => lane.indices.length);
  if (openDivided && engine.dividedBytes > 0 && isWorthDividing(model, lanes, engine)) return 'divided';
  return openDecoder ? 'resident' : 'streamed';
}

/** Reading what all tokens meet, and the experts that they choose, takes as long as it saves in about so many tokens: of few sequences, and of many. */
const leastFewTokens = { few: 32, many: 16 };

/** Sequences that meet most experts. */
const manySequences = 8;

/** Opens what continues a few sequences if there are such groups, and enough tokens to make it worth its while. */
async function openedFew(
  generation: Generation,
  fitting: readonly Group[],
  options: SamplingOptions,
): Promise<FewDecoder | null> {
  if (fitting.length === 0) return null;
  const isMany = fitting.some((group) => sequencesIn(group) >= manySequences);
  // Streamed, every token would read all weights.
  const least = generation.openDecoder ? leastFewTokens[isMany ? 'many' : 'few'] : 2;
  return generation.openFew(options.maxNewTokens >= least);
}

/** The groups of few sequences, for whose keys and values there is room, and their bytes where all workers continue them together. */
function fewGroups(
  generation: Generation,
  groups: readonly Group[],
  options: SamplingOptions,
): Map<Group, number> {
  const { model, engine } = generation.run;
  const workers = engine.workers.length;
  const most = fewSequences(model, engine.fewBytes, workers);
  const sized = groups
    .filter((group) => sequencesIn(group) <= most)
    .map((group) => {
      const sequences = sequencesIn(group);
      const capacity = capacityOf(generation, group, options);
      return [group, fewCacheBytes(model, { sequences, capacity, workers, most })] as const;
    });
  return new Map(sized.filter(([, bytes]) => bytes <= generation.memory / 2));
}

const sequencesIn = (group: Group): number => group.reduce((sum, { lane }) => sum + lane.indices.length, 0);

/** Tokens that the longest sequence of a group may have. */
export const capacityOf = (
  { prompts }: Pick<Generation, 'prompts'>,
  group: Group,
  { maxNewTokens }: SamplingOptions,
): number =>
  maxNewTokens +
  Math.max(...group.flatMap(({ lane }) => lane.indices.map((index) => prompts[index]!.length)));
