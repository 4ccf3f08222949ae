import { type AttentionBlock, type Block, isRecurrent, type Model, type Work } from '@moepress/core';
import { keyDimOf } from '../decoder/attention/indexer.js';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import { type CachePart, cachePartsOf } from '../decoder/cache-parts.js';
import { nextTokenHeadGraph } from '../decoder/lm-head.js';
import { statePartsOf, stateSizes } from '../decoder/recurrence/mixer.js';
import type { Engine } from '../engine/engine.js';
import type {
  Append,
  CacheHandle,
  InWorker,
  Session,
  TensorHandle,
  WorkerCommands,
} from '../engine/handles.js';
import { type CacheShape, int32 } from '../engine/protocol.js';
import type { EngineScope } from '../engine/scope.js';
import { treeSizes } from '../footprint/dims.js';
import { runsBytes } from '../footprint/inference-plan.js';
import { carriedBytes } from '../footprint/shapes.js';
import { assertHeadFinite } from '../forward/finite.js';
import type { ModelRun } from '../forward/model-run.js';
import { type Assigned, askedRows, type PassBatch, passUp } from '../forward/run-pass.js';
import { helpersOf } from '../forward/split-run.js';
import { laneRuns, type Run } from '../tokens/runs.js';
import { sharesPrefixes } from '../tokens/shared-prefixes.js';
import type { TokenPicker } from './choose.js';
import { type Decoding, lastRows } from './decoding.js';
import type { LanePlan, Prompts } from './lanes.js';

/** The keys and values of a block's tokens in a lane, or what stays of its sequences. */
export type LaneCaches = Readonly<Partial<Record<CachePart, CacheHandle>>>;

/** Prompts that are continued side by side, and where their keys and values are. */
export interface Lane extends InWorker {
  readonly name: string;
  readonly indices: readonly number[];
  readonly shared: number;
  /** The states of the lane's newest tokens between two graphs. */
  readonly hidden: TensorHandle;
  /** The same after the final norm. */
  readonly normed: TensorHandle;
  /** States by block number. */
  readonly caches: ReadonlyMap<number, LaneCaches>;
}

/** A lane in a worker, whose caches have yet to be opened. */
export function placeLane(
  scope: EngineScope,
  { blocks }: Model,
  worker: WorkerCommands,
  own: Pick<Lane, 'name' | 'indices' | 'shared'>,
): Lane {
  const cachesOf = (block: Block): LaneCaches =>
    Object.fromEntries(
      cachePartsOf(block).map((part) => [part, scope.cache(worker, `${own.name}/${block.index}/${part}`)]),
    );
  return {
    ...{ ...own, worker },
    hidden: scope.tensor(worker, `${own.name}/hidden`),
    normed: scope.tensor(worker, `${own.name}/normed`),
    caches: new Map(blocks.map((block) => [block.index, cachesOf(block)])),
  };
}

interface PromptRun extends Assigned {
  readonly lane: Lane;
}

/** The runs that take a lane's prompts through the model. */
function promptRuns(
  { limits }: Engine,
  model: Model,
  { indices, shared }: Pick<Lane, 'indices' | 'shared'>,
  prompts: Prompts,
): Run[] {
  const sequences = indices.map((index) => prompts[index]!);
  return laneRuns(sequences, shared, { tokens: limits.tokens, share: sharesPrefixes(model) });
}

/** Lanes in groups of which each worker has one at most, in their order. */
function roundsOf<T extends { readonly worker: unknown }>(lanes: readonly T[]): T[][] {
  const groups: T[][] = [];
  const counts = new Map<unknown, number>();
  for (const lane of lanes) {
    const round = counts.get(lane.worker) ?? 0;
    counts.set(lane.worker, round + 1);
    groups[round] ??= [];
    groups[round]!.push(lane);
  }
  return groups;
}

/**
 * Bytes that prompts take on their way through the model, where each worker takes one lane at a time, and what of them the C
 * library may keep when they are through.
 */
export function promptBytes(
  engine: Engine,
  model: Model,
  lanes: readonly LanePlan[],
  prompts: Prompts,
): { readonly taken: number; readonly left: number } {
  const held = engine.workers.map(() => 0);
  const all: { readonly run: Run; readonly lane: number }[] = [];
  for (const group of roundsOf(lanes)) {
    const own = group.flatMap((lane) =>
      promptRuns(engine, model, lane, prompts).map((run) => ({ run, lane: lane.worker })),
    );
    const helped = helpersOf(own, engine, model);
    for (const worker of held.keys()) {
      const tokens = [...own, ...helped]
        .filter(({ lane }) => lane === worker)
        .reduce((sum, { run: { layout } }) => sum + layout.ids.length, 0);
      held[worker] = Math.max(held[worker]!, carriedBytes(model, tokens));
    }
    all.push(...own, ...helped);
  }
  const runs = all.map(({ run: { layout, prefix }, lane }) => ({
    lane,
    sizes: treeSizes(layout, model.config.heads, prefix),
    asked: layout.sequences.length,
  }));
  const { heap, mapped } = runsBytes(model, runs);
  return { taken: held.reduce((sum, bytes) => sum + bytes, heap + mapped), left: heap };
}

/**
 * Takes the prompts of lanes through the model and leaves their keys and values in the lanes' caches, what all prompts of a
 * lane share once. Yields the token that follows each prompt, by lane.
 */
export async function prefill(
  model: ModelRun,
  lanes: readonly Lane[],
  prompts: Prompts,
  { signal, picker }: Pick<Work, 'signal'> & { readonly picker: TokenPicker },
): Promise<Map<Lane, number[]>> {
  const assigned = lanes.flatMap((lane) =>
    promptRuns(model.engine, model.model, lane, prompts).map(
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
  await passUp(model, assigned, {
    signal,
    past: ({ run, lane }, { index }) => {
      const { sharedKey: key, sharedValue: value } = lane.caches.get(index)!;
      return run.prefix > 0 && key && value ? { key, value } : undefined;
    },
    append: ({ run, lane }, block) => appends(run, block, lane.caches.get(block.index)!),
    ends: async (batches) => {
      first = await firstTokens(model, batches, picker);
    },
  });
  return first;
}

/** Makes the caches of a lane, which are empty. */
export async function openCaches({ blocks }: Model, lane: Lane): Promise<void> {
  const shapeOf = (block: Block, part: CachePart): CacheShape => {
    const sequences = part.startsWith('shared') ? null : lane.indices.length;
    if (isRecurrent(block)) {
      const headDim = stateSizes(block.attention)[part === 'state' ? 'state' : 'tail']!;
      return { sequences, kvHeads: 1, headDim, tokens: 1 };
    }
    const { attention } = block as AttentionBlock;
    const headDim = part.endsWith('Key') ? keyDimOf(attention) : valueDimOf(attention);
    return { sequences, kvHeads: attention.kvHeads, headDim };
  };
  const opening = blocks.flatMap((block) =>
    cachePartsOf(block).map((part) => lane.caches.get(block.index)![part]!.reset(shapeOf(block, part))),
  );
  await Promise.all(opening);
}

/** The lane without sequences that have ended, if so many have that it is worth it; `decoding` forgets them too. */
export async function withoutEnded(lane: Lane, decoding: Decoding): Promise<Lane> {
  const kept = decoding.leave();
  if (!kept) return lane;
  const caches = [...lane.caches.values()].flatMap((own) => Object.values(own));
  await lane.worker.keepSequences(caches, kept);
  return { ...lane, indices: decoding.indices };
}

/** Frees all that the worker has of a lane. */
export async function freeLane(scope: EngineScope, { hidden, normed, caches }: Lane): Promise<void> {
  await scope.free([hidden, normed, ...[...caches.values()].flatMap((own) => Object.values(own))]);
}

/** Keys and values of a run's tokens go to where the lane has them. */
function appends({ keeps, prefix, layout }: Run, block: Block, caches: LaneCaches): Append[] {
  if (block.attention.kind === 'none') return [];
  if (isRecurrent(block)) {
    const last = layout.sequences.map((sequence, b) => ({ sequence, start: 0, rows: Int32Array.of(b) }));
    const outputs = { state: 'ownState', tail: 'ownTail' } as const;
    return statePartsOf(block.attention).map((part) => {
      const cache = caches[part]!;
      return { output: outputs[part], cache, headsFirst: false, parts: last };
    });
  }
  const parts = keeps
    ? [{ sequence: 0, start: prefix, rows: layout.rows }]
    : layout.sequences.map((sequence, b) => {
        const from = layout.offsets[b]!;
        return { sequence, start: 0, rows: layout.rows.slice(from, from + layout.lengths[b]!) };
      });
  const [key, value] = keeps ? (['sharedKey', 'sharedValue'] as const) : (['pastKey', 'pastValue'] as const);
  return [
    { output: 'ownKey', cache: caches[key]!, headsFirst: true, parts },
    { output: 'ownValue', cache: caches[value]!, headsFirst: true, parts },
  ];
}

async function firstTokens(
  { engine, sessions, model }: ModelRun,
  batches: readonly PassBatch<PromptRun>[],
  picker: TokenPicker,
): Promise<Map<Lane, number[]>> {
  const tokens = new Map<Lane, number[]>();
  const wanted = batches.filter(({ run }) => !run.keeps);
  const takeFirst = (session: Session) =>
    engine.spread(wanted, async (batch) => {
      const { layout } = batch.run;
      const found = askedRows(batch);
      const placeOf = new Map(batch.asked.map((row, place) => [row, found[place]!]));
      const rows = lastRows(layout).map((row) => placeOf.get(row)!);
      const feeds = { hidden: batch.hidden, rows: int32(rows) };
      const [results] = await batch.worker.run([{ session, feeds, fetch: ['token', 'finite'] }]);
      await assertHeadFinite(model, [Number(results!.finite!.data[0])]);
      const places = layout.sequences.map((sequence, b) => ({
        index: batch.lane.indices[sequence]!,
        row: rows[b]!,
        likeliest: Number(results!.token!.data[b]),
        newIds: [],
        isOpen: true,
      }));
      const chosen = await picker.pick(batch.hidden, places);
      const own = tokens.get(batch.lane) ?? [];
      tokens.set(batch.lane, own);
      for (const [b, sequence] of layout.sequences.entries()) own[sequence] = chosen[b]!;
    });
  await sessions.with('next-token', () => nextTokenHeadGraph(model), takeFirst);
  return tokens;
}
