import { type Model, throwIfAborted, type Work } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { int32, tensor } from '../engine/tensor.js';
import { type BlockSessions, runBlock } from './blocks.js';
import { embedBatches } from './embed.js';
import { checkHeadFinite } from './finite.js';
import { dropBatch, type HeldBatch, hiddenName } from './held.js';
import { batchSequences, type Layout, rowOf } from './layout.js';
import { turnsByLength } from './rope.js';

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

/** Numbers of logits computed at once: 128 MiB of fp32. */
const logitsBudget = 2 ** 25;

/**
 * Scores each token of sequences, computing prefixes they share once. The results are in the order of the
 * items and of their tokens from `from` on.
 */
export async function scoreSequences(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  items: readonly ScoreItem[],
  work: Work = {},
): Promise<TokenScore[][]> {
  const limits = { ...engine.limits, heads: model.config.heads, lanes: engine.workers.length };
  const layouts = batchSequences(
    items.map(({ ids }) => ids),
    limits,
    { sharePrefixes: !turnsByLength(model.config.rope) },
  );
  const total = layouts.reduce((sum, { ids }) => sum + ids.length, 0) * (model.blocks.length + 1);
  const task = 'Scoring';
  let done = 0;
  const advance = (layout: Layout) => {
    done += layout.ids.length;
    work.progress?.({ type: 'advance', task, done });
  };
  work.progress?.({ type: 'start', task, total, unit: 'token-layers' });
  const batches = await embedBatches(engine, model, layouts, 'score');
  try {
    await blocks.each(async (block, session) => {
      await engine.spread(batches, async (batch) => {
        throwIfAborted(work.signal);
        await runBlock(model, block, session, batch, { extraFeeds: blocks.extraFeeds(batch, block) });
        advance(batch.layout);
      });
    }, work);
    const scores = await blocks.withScoringHead((session) =>
      scoreHidden(engine, session, model, batches, items, advance, work),
    );
    await checkHeadFinite(
      model,
      scores.flat().map(({ logprob }) => logprob),
    );
    return scores;
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
    work.progress?.({ type: 'end', task });
  }
}

async function scoreHidden(
  engine: Engine,
  session: string,
  model: Model,
  batches: readonly HeldBatch[],
  items: readonly ScoreItem[],
  advance: (layout: Layout) => void,
  work: Work,
): Promise<TokenScore[][]> {
  const scores = items.map((): TokenScore[] => []);
  const rows = Math.max(1, Math.floor(logitsBudget / model.config.vocabSize));
  await engine.spread(batches, async (batch) => {
    for (const chunk of headChunks(batch.layout, items, rows)) {
      throwIfAborted(work.signal);
      const pairs = BigInt64Array.from(
        chunk.wanted.flatMap(({ place, token }) => [BigInt(place), BigInt(token)]),
      );
      const feeds = {
        hidden: { held: hiddenName(batch) },
        rows: int32(chunk.rows),
        pairs: tensor('int64', [chunk.wanted.length, 2], pairs),
      };
      const fetch = ['logprob', 'best', 'bestLogprob'];
      const [results] = await batch.worker.run([{ session, feeds, fetch }]);
      for (const [i, { item }] of chunk.wanted.entries()) {
        scores[item]!.push({
          logprob: Number(results!.logprob!.data[i]),
          best: Number(results!.best!.data[i]),
          bestLogprob: Number(results!.bestLogprob!.data[i]),
        });
      }
    }
    advance(batch.layout);
  });
  return scores;
}

interface HeadChunk {
  /** Packed rows whose logits are needed. */
  readonly rows: number[];
  /** Which token's log-probability, at which of the rows, counts for which item. */
  readonly wanted: { readonly item: number; readonly place: number; readonly token: number }[];
}

/** At most `size` distinct rows a chunk; a row that several sequences share is computed once. */
function* headChunks(layout: Layout, items: readonly ScoreItem[], size: number): Generator<HeadChunk> {
  let chunk: HeadChunk = { rows: [], wanted: [] };
  let places = new Map<number, number>();
  for (const [b, item] of layout.sequences.entries()) {
    const { ids, from } = items[item]!;
    for (let t = from; t < ids.length; t++) {
      const row = rowOf(layout, b, t - 1);
      if (!places.has(row)) {
        if (chunk.rows.length === size) {
          yield chunk;
          chunk = { rows: [], wanted: [] };
          places = new Map();
        }
        places.set(row, chunk.rows.push(row) - 1);
      }
      chunk.wanted.push({ item, place: places.get(row)!, token: ids[t]! });
    }
  }
  if (chunk.rows.length > 0) yield chunk;
}
