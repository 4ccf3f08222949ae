import { isRecurrent, type Model } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { cacheGrowth } from '../engine/protocol.js';
import { cacheBytesPerToken, stateBytesPerSequence } from '../footprint/shapes.js';
import { cacheFragmentation, leastMapped } from '../memory/constants.js';
import { families, type Numbered } from '../tokens/runs.js';
import { sharesPrefixes } from '../tokens/shared-prefixes.js';

export type Prompts = readonly (readonly number[])[];

/** Prompts that are continued side by side in one worker. */
export interface LanePlan {
  /** Numbers of the prompts. */
  readonly indices: readonly number[];
  /** The first tokens that all of them have in common, whose keys and values are computed and stored once. */
  readonly shared: number;
  /** Which of the workers. */
  readonly worker: number;
}

/** Sequences decoded side by side. */
const mostSequences = 256;

/** Tokens that a family must save in all to be continued apart from others. */
const leastSaved = 1024;

/** Bytes of the keys and values of a lane's sequences when they have grown; they are copied where they need more room. */
export function laneBytes(
  model: Model,
  { indices, shared }: Pick<LanePlan, 'indices' | 'shared'>,
  prompts: Prompts,
  newTokens: number,
): number {
  const longest = indices.reduce((most, index) => Math.max(most, prompts[index]!.length), 0) - shared;
  const tokens = shared + indices.length * (longest + newTokens + cacheGrowth);
  const keysAndValues = cacheBytesPerToken(model) * tokens;
  return growing(model, keysAndValues) * keysAndValues + stateBytesPerSequence(model) * indices.length;
}

/**
 * The factor on so many bytes of keys and values while they grow: large ones are mapped by themselves, and those of one block
 * stand there twice.
 */
function growing({ blocks }: Model, bytes: number): number {
  const twice = 1 + 1 / blocks.length;
  return bytes / (2 * blocks.length) < leastMapped ? Math.max(cacheFragmentation, twice) : twice;
}

/**
 * Arranges prompts in lanes whose keys and values fit in `bytes` each: those that begin alike together, and so that all
 * workers have something to do.
 */
export function planLanes(
  engine: Engine,
  model: Model,
  prompts: Prompts,
  { newTokens, bytes }: { readonly newTokens: number; readonly bytes: number },
): LanePlan[] {
  const workers = engine.workers.length;
  const each = cacheBytesPerToken(model) * growing(model, bytes);
  const lanes: LanePlan[] = [];
  const add = (indices: readonly number[], shared: number) =>
    lanes.push({ indices, shared, worker: lanes.length % workers });
  for (const { members, prefix } of groupsOf(engine, model, prompts)) {
    // All but the last token of a long prompt are kept as what its lane shares, some at a time; a recurrence takes it whole.
    const isLong = members[0]!.ids.length > engine.limits.tokens;
    if (prefix === 0 && isLong && !model.blocks.some(isRecurrent)) {
      for (const { index, ids } of members) add([index], ids.length - 1);
      continue;
    }
    const longest =
      members.reduce((most, { ids }) => Math.max(most, ids.length), 0) - prefix + newTokens + cacheGrowth;
    const room = Math.floor((bytes / each - prefix) / longest);
    const most = Math.max(1, Math.min(mostSequences, room, Math.ceil(members.length / workers)));
    for (let i = 0; i < members.length; i += most * workers) {
      for (const dealt of deal(members.slice(i, i + most * workers), most)) {
        const indices = dealt.map(({ index }) => index);
        add(indices, indices.length > 1 ? prefix : 0);
      }
    }
  }
  return lanes;
}

/** Members of descending length, dealt to lanes of at most `most` so that each gets about as many tokens. */
function deal<T>(members: readonly T[], most: number): T[][] {
  const count = Math.ceil(members.length / most);
  const lanes = Array.from({ length: count }, (): T[] => []);
  for (const [i, member] of members.entries()) {
    const [turn, place] = [Math.floor(i / count), i % count];
    lanes[turn % 2 === 0 ? place : count - 1 - place]!.push(member);
  }
  return lanes;
}

/** Families that save enough, all prompts of other runs together, longest first, and those that are longer than a run. */
function groupsOf(
  { limits: { tokens } }: Engine,
  model: Model,
  prompts: Prompts,
): { readonly members: readonly Numbered[]; readonly prefix: number }[] {
  const sequences = prompts.map((ids, index): Numbered => ({ ids, index, free: ids.length - 1 }));
  const all = sharesPrefixes(model) ? [...families(sequences)] : [];
  const saving = all.filter(
    ({ members, prefix }) =>
      (members.length - 1) * prefix >= leastSaved &&
      members.every(({ ids }) => ids.length - prefix <= tokens),
  );
  const inFamilies = new Set(saving.flatMap(({ members }) => members.map(({ index }) => index)));
  const others = sequences
    .filter(({ index }) => !inFamilies.has(index))
    .sort((a, b) => b.ids.length - a.ids.length);
  const long = others.filter(({ ids }) => ids.length > tokens);
  const short = others.slice(long.length);
  return [
    ...saving,
    ...[long, short].filter((members) => members.length > 0).map((members) => ({ members, prefix: 0 })),
  ];
}
