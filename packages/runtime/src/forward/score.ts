import { type Model, throwIfAborted, type Work } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { int32, tensor } from '../engine/tensor.js';
import { batchSequences } from './batches.js';
import { type BlockSessions, runBlock } from './blocks.js';
import { embedEach } from './embed.js';
import { checkHeadFinite } from './finite.js';
import { dropBatch, type HeldBatch, hiddenName, holdBatch } from './held.js';
import { rowOf } from './layout.js';
import type { SharedPast } from './past.js';
import { turnsByLength } from './rope.js';
import { lastOf, planRuns, type Run, wavesOf } from './runs.js';

/** A sequence of which the tokens from `from` (at least 1) on are scored. */
export interface ScoreItem {
  readonly ids: readonly number[];
  readonly from: number;
}

export interface Score {
  /** Sum of the natural log-probabilities of the scored tokens, each given all before it. */
  readonly logprob: number;
  /** Whether every scored token is the most probable one at its place. */
  readonly isGreedy: boolean;
}

/** One scored token, beside the one that greedy decoding would have put there. */
export interface TokenScore {
  /** Natural log-probability given all tokens before it. */
  readonly logprob: number;
  /** The most probable token and its log-probability. */
  readonly best: number;
  readonly bestLogprob: number;
}

/** What `tokens`, the scores of an item, say about it as a whole. */
export function sumScores({ ids, from }: ScoreItem, tokens: readonly TokenScore[]): Score {
  return {
    logprob: tokens.reduce((sum, { logprob }) => sum + logprob, 0),
    isGreedy: tokens.every(({ best }, i) => best === ids[from + i]),
  };
}

/**
 * Scores each token of sequences, computing what they share once. The results are in the order of the
 * items and of their tokens from `from` on.
 */
export async function scoreSequences(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  items: readonly ScoreItem[],
  work: Work = {},
): Promise<TokenScore[][]> {
  const runs = runsFor(engine, model, items);
  const task = 'Scoring';
  const tokens = runs.reduce((sum, { layout }) => sum + layout.ids.length, 0);
  work.progress?.({ type: 'start', task, total: tokens * (model.blocks.length + 1), unit: 'token-layers' });
  let done = 0;
  const advance = ({ layout }: Run) => {
    done += layout.ids.length;
    work.progress?.({ type: 'advance', task, done });
  };
  const scores = items.map((): TokenScore[] => []);
  try {
    for (const wave of wavesOf(runs, engine.carriedTokens(model))) {
      await scoreWave({ engine, model, blocks, items, scores, advance, work }, wave);
    }
    return scores;
  } finally {
    work.progress?.({ type: 'end', task });
  }
}

/** Of a sequence all tokens but the last go in, which is only predicted. */
function runsFor(engine: Engine, model: Model, items: readonly ScoreItem[]): Run[] {
  const lanes = engine.workers.length;
  const sharePrefixes = !turnsByLength(model.config.rope);
  const inputs = items.map(({ ids }) => ids.slice(0, -1));
  if (engine.traits.attention === 'tree' && sharePrefixes) {
    const sequences = items.map(({ from }, i) => ({ ids: inputs[i]!, free: from - 1 }));
    return planRuns(sequences, { tokens: engine.limits.tokens, lanes });
  }
  const limits = { ...engine.limits, heads: model.config.heads, lanes };
  const layouts = batchSequences(inputs, limits, { sharePrefixes });
  return layouts.map((layout, i) => ({ layout, lane: i % lanes, kind: 'alone', prefix: 0 }));
}

interface Scoring {
  readonly engine: Engine;
  readonly model: Model;
  readonly blocks: BlockSessions;
  readonly items: readonly ScoreItem[];
  readonly scores: readonly TokenScore[][];
  readonly advance: (run: Run) => void;
  readonly work: Work;
}

type HeldRun = HeldBatch & { readonly run: Run };

async function scoreWave(scoring: Scoring, wave: readonly Run[]): Promise<void> {
  const { engine, model, blocks, advance, work } = scoring;
  const { attention } = engine.traits;
  const assigned = wave.map((run, i) => ({ run, name: `score/${i}`, worker: engine.workerFor(run.lane) }));
  const batches = await engine.spread(assigned, async ({ run, name, worker }): Promise<HeldRun> => {
    const batch = await holdBatch(worker, name, run.layout, model, { attention, past: run.prefix });
    return { ...batch, run };
  });
  try {
    await embedEach(engine, model, batches, (batch, embed) => embed(hiddenName(batch)));
    const last = lastOf(batches);
    await blocks.each(async (block, session) => {
      await engine.spread(batches, async (batch) => {
        throwIfAborted(work.signal);
        const shared = batch.run.kind === 'after' ? sharedPast : undefined;
        await runBlock(model, block, session, batch, {
          extraFeeds: blocks.extraFeeds(batch, block, shared),
          hold: batch.run.kind === 'shared' ? { ownKey: sharedKey, ownValue: sharedValue } : {},
          last: last.has(batch),
        });
        advance(batch.run);
      });
    }, work);
    await blocks.withScoringHead((session) => scoreHidden(scoring, session, batches));
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
    await Promise.all(engine.workers.map((worker) => worker.drop([sharedKey, sharedValue])));
  }
}

/** What the runs after a shared one see of it: each worker holds that of one block at a time. */
const [sharedKey, sharedValue] = ['score/shared/key', 'score/shared/value'] as const;
const sharedPast: SharedPast = { key: { held: sharedKey }, value: { held: sharedValue } };

async function scoreHidden(
  { model, engine, items, scores, advance, work }: Scoring,
  session: string,
  batches: readonly HeldRun[],
): Promise<void> {
  const wanted = batches.filter(({ run }) => run.kind !== 'shared');
  const last = lastOf(wanted);
  await engine.spread(wanted, async (batch) => {
    throwIfAborted(work.signal);
    const targets = targetsOf(batch.run, items);
    const pairs = BigInt64Array.from(
      targets.wanted.flatMap(({ place, token }) => [BigInt(place), BigInt(token)]),
    );
    const feeds = {
      hidden: { held: hiddenName(batch) },
      rows: int32(targets.rows),
      pairs: tensor('int64', [targets.wanted.length, 2], pairs),
    };
    const fetch = ['logprob', 'best', 'bestLogprob'];
    const [results] = await batch.worker.run([{ session, feeds, fetch, last: last.has(batch) }]);
    await checkHeadFinite(model, results!.logprob!.data as Float32Array);
    for (const [i, { item }] of targets.wanted.entries()) {
      scores[item]!.push({
        logprob: Number(results!.logprob!.data[i]),
        best: Number(results!.best!.data[i]),
        bestLogprob: Number(results!.bestLogprob!.data[i]),
      });
    }
    advance(batch.run);
  });
}

interface Targets {
  /** Packed rows whose logits are needed; one that several sequences share is there once. */
  readonly rows: number[];
  /** Which token's log-probability, at which of the rows, counts for which item. */
  readonly wanted: { readonly item: number; readonly place: number; readonly token: number }[];
}

function targetsOf({ layout, prefix }: Run, items: readonly ScoreItem[]): Targets {
  const targets: Targets = { rows: [], wanted: [] };
  const places = new Map<number, number>();
  for (const [b, item] of layout.sequences.entries()) {
    const { ids, from } = items[item]!;
    for (let t = from; t < ids.length; t++) {
      const row = rowOf(layout, b, t - 1 - prefix);
      if (!places.has(row)) places.set(row, targets.rows.push(row) - 1);
      targets.wanted.push({ item, place: places.get(row)!, token: ids[t]! });
    }
  }
  return targets;
}
