import type { Model, Work } from '@moepress/core';
import { valueDimOf } from '../decoder/attention/heads.js';
import { type CachePart, cacheParts } from '../decoder/decode.js';
import { nextTokenHeadGraph } from '../decoder/ends.js';
import type { Engine, InWorker } from '../engine/engine.js';
import type { Append } from '../engine/protocol.js';
import { int32 } from '../engine/tensor.js';
import type { BlockSessions } from '../forward/blocks.js';
import { checkHeadFinite } from '../forward/finite.js';
import { hiddenName } from '../forward/held.js';
import { type Assigned, askedRows, type PassBatch, passUp } from '../forward/pass.js';
import { turnsByLength } from '../forward/rope.js';
import { laneRuns, type Run } from '../forward/runs.js';
import { treeSizes } from '../memory/dims.js';
import { runsBytes } from '../memory/inference.js';
import { carriedBytes } from '../memory/shapes.js';
import { type Chooser, chosenTokens } from './choose.js';
import type { LanePlan, Prompts } from './lanes.js';
import { lastRows } from './options.js';

/** Prompts that are continued side by side, and where their keys and values are. */
export interface Lane extends InWorker {
  readonly name: string;
  readonly indices: readonly number[];
  readonly shared: number;
}

/** Where a lane's keys or values of a block are. */
export const cacheName = ({ name }: Pick<Lane, 'name'>, block: number, part: CachePart): string =>
  `${name}/${block}/${part}`;

/** What a lane's newest tokens are between two graphs. */
export const hiddenOf = ({ name }: Pick<Lane, 'name'>): string => `${name}/hidden`;

interface PromptRun extends Assigned {
  readonly lane: Lane;
}

/** The runs that take a lane's prompts through the model. */
function promptRuns(
  { limits }: Engine,
  { config }: Model,
  { indices, shared }: Pick<Lane, 'indices' | 'shared'>,
  prompts: Prompts,
): Run[] {
  const sequences = indices.map((index) => prompts[index]!);
  return laneRuns(sequences, shared, { tokens: limits.tokens, share: !turnsByLength(config.rope) });
}

/** Bytes that prompts take on their way through the model, where each worker takes one lane at a time. */
export function promptBytes(
  engine: Engine,
  model: Model,
  lanes: readonly LanePlan[],
  prompts: Prompts,
): number {
  const held = engine.workers.map(() => 0);
  const runs = lanes.flatMap((lane) => {
    const own = promptRuns(engine, model, lane, prompts);
    const tokens = own.reduce((sum, { layout }) => sum + layout.ids.length, 0);
    held[lane.worker] = Math.max(held[lane.worker]!, carriedBytes(model, tokens));
    return own.map(({ layout, prefix }) => ({
      lane: lane.worker,
      sizes: treeSizes(layout, model.config.heads, prefix),
      asked: layout.sequences.length,
    }));
  });
  return held.reduce((sum, bytes) => sum + bytes, runsBytes(model, runs));
}

/**
 * Takes the prompts of lanes through the model and leaves their keys and values in the lanes' caches, what all prompts of a
 * lane share once. Yields the token that follows each prompt, by lane.
 */
export async function prefill(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  lanes: readonly Lane[],
  prompts: Prompts,
  { signal, chooser }: Pick<Work, 'signal'> & { readonly chooser?: Chooser },
): Promise<Map<Lane, number[]>> {
  const assigned = lanes.flatMap((lane) =>
    promptRuns(engine, model, lane, prompts).map(
      (run, i): PromptRun => ({
        run,
        lane,
        worker: lane.worker,
        name: `${lane.name}/prompt.${i}`,
        // Prompts that are equal, or begin others, may end in one row.
        asked: run.keeps ? [] : [...new Set(lastRows(run.layout))].sort((a, b) => a - b),
      }),
    ),
  );
  let first = new Map<Lane, number[]>();
  await passUp(engine, model, blocks, assigned, {
    signal,
    past: ({ run, lane }, { index }) => {
      const cache = (part: CachePart) => ({ cache: cacheName(lane, index, part) });
      return run.prefix > 0 ? { key: cache('sharedKey'), value: cache('sharedValue') } : undefined;
    },
    append: ({ run, lane }, { index }) => appends(run, (part) => cacheName(lane, index, part)),
    ends: async (batches) => {
      first = await firstTokens(engine, model, batches, chooser);
    },
  });
  return first;
}

/** Makes the caches of a lane, which are empty. */
export async function openCaches({ blocks }: Model, lane: Lane): Promise<void> {
  for (const { index, attention } of blocks) {
    const { kvHeads, headDim } = attention;
    for (const part of cacheParts) {
      const sequences = part.startsWith('shared') ? null : lane.indices.length;
      const dim = part.endsWith('Key') ? headDim : valueDimOf(attention);
      await lane.worker.cache(cacheName(lane, index, part), { sequences, kvHeads, headDim: dim });
    }
  }
}

export async function closeCaches({ blocks }: Model, lane: Lane): Promise<void> {
  const caches = blocks.flatMap(({ index }) => cacheParts.map((part) => cacheName(lane, index, part)));
  await lane.worker.drop([...caches, hiddenOf(lane)]);
}

/** Keys and values of a run's tokens go to where the lane has them. */
function appends({ keeps, prefix, layout }: Run, nameOf: (part: CachePart) => string): Append[] {
  const parts = keeps
    ? [{ sequence: 0, start: prefix, rows: layout.rows }]
    : layout.sequences.map((sequence, b) => {
        const from = layout.offsets[b]!;
        return { sequence, start: 0, rows: layout.rows.slice(from, from + layout.lengths[b]!) };
      });
  const [key, value] = keeps ? (['sharedKey', 'sharedValue'] as const) : (['pastKey', 'pastValue'] as const);
  return [
    { output: 'ownKey', cache: nameOf(key), headsFirst: true, parts },
    { output: 'ownValue', cache: nameOf(value), headsFirst: true, parts },
  ];
}

async function firstTokens(
  engine: Engine,
  model: Model,
  batches: readonly PassBatch<PromptRun>[],
  chooser: Chooser | undefined,
): Promise<Map<Lane, number[]>> {
  const tokens = new Map<Lane, number[]>();
  const session = 'generate/head';
  await engine.open(session, nextTokenHeadGraph(model));
  try {
    const wanted = batches.filter(({ run }) => !run.keeps);
    await engine.spread(wanted, async (batch) => {
      const { layout } = batch.run;
      const found = askedRows(batch);
      const placeOf = new Map(batch.asked.map((row, place) => [row, found[place]!]));
      const rows = lastRows(layout).map((row) => placeOf.get(row)!);
      const feeds = { hidden: { held: hiddenName(batch) }, rows: int32(rows) };
      const [results] = await batch.worker.run([{ session, feeds, fetch: ['token', 'finite'] }]);
      await checkHeadFinite(model, [Number(results!.finite!.data[0])]);
      const places = layout.sequences.map((sequence, b) => ({
        index: batch.lane.indices[sequence]!,
        row: rows[b]!,
        likeliest: Number(results!.token!.data[b]),
        newIds: [],
        isOpen: true,
      }));
      const chosen = await chosenTokens(batch.worker, model, hiddenName(batch), places, chooser);
      const own = tokens.get(batch.lane) ?? [];
      tokens.set(batch.lane, own);
      for (const [b, sequence] of layout.sequences.entries()) own[sequence] = chosen[b]!;
    });
    return tokens;
  } finally {
    await engine.close(session);
  }
}
