import { type Model, throwIfAborted } from '@moepress/core';
import { cachedDimOf } from '../decoder/attention/heads.js';
import type { Engine } from '../engine/engine.js';
import type { Step } from '../engine/protocol.js';
import { int32 } from '../engine/tensor.js';
import type { EngineWorker } from '../engine/worker.js';
import { checkFinite, checkHeadFinite } from '../forward/finite.js';
import { blockFeeds, dropBatch, type HeldBatch, hiddenName, holdBatch } from '../forward/held.js';
import { batchSequences, type Layout, layOut } from '../forward/layout.js';
import type { ResidentBlocks } from '../forward/resident.js';
import { type Caches, cachesFor } from './caches.js';
import { type GenerateOptions, isFinished, lastRows } from './options.js';

/** Sequences decoded side by side. */
const maxSequences = 512;

/**
 * Greedy continuation of each prompt with a key-value cache. The end-of-sequence token, where one
 * came, is the last of the new ids.
 */
export async function generateCached(
  engine: Engine,
  model: Model,
  resident: ResidentBlocks,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<number[][]> {
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  let done = 0;
  const together = Math.min(
    sequencesAtOnce(model, prompts, options, engine.cacheBytes),
    Math.ceil(prompts.length / engine.workers.length),
  );
  const batches = promptBatches(engine, model, prompts, together);
  const caches = cachesFor(model, engine.traits);
  const assigned = batches.map((layout, i) => ({ layout, worker: engine.workerFor(i) }));
  await engine.spread(assigned, async ({ layout, worker }) => {
    await generateBatch(worker, model, { resident, caches }, layout, results, options);
    done += layout.sequences.length;
    options.progress?.({ type: 'advance', task, done });
  });
  options.progress?.({ type: 'end', task });
  return results;
}

function sequencesAtOnce(
  { blocks }: Model,
  prompts: readonly (readonly number[])[],
  { maxNewTokens }: GenerateOptions,
  budget: number,
): number {
  const longest = Math.max(0, ...prompts.map((ids) => ids.length)) + maxNewTokens;
  const numbers = blocks.reduce(
    (sum, { attention }) => sum + 2 * attention.kvHeads * cachedDimOf(attention),
    0,
  );
  const bytes = numbers * Float32Array.BYTES_PER_ELEMENT * longest;
  return Math.max(1, Math.min(maxSequences, Math.floor(budget / bytes)));
}

function promptBatches(
  engine: Engine,
  { config: { heads } }: Model,
  prompts: readonly (readonly number[])[],
  together: number,
): Layout[] {
  return batchSequences(prompts, { ...engine.limits, heads }).flatMap((layout) => {
    const parts: Layout[] = [];
    for (let i = 0; i < layout.sequences.length; i += together) {
      const indices = layout.sequences.slice(i, i + together);
      parts.push(layOut(indices.map((index) => ({ index, ids: prompts[index]! }))));
    }
    return parts;
  });
}

interface Decoder {
  readonly resident: ResidentBlocks;
  readonly caches: Caches;
}

async function generateBatch(
  worker: EngineWorker,
  model: Model,
  { resident, caches }: Decoder,
  prompts: Layout,
  results: number[][],
  options: GenerateOptions,
): Promise<void> {
  const { sequences } = prompts;
  const lengths = [...prompts.lengths];
  const finished = sequences.map(() => false);
  const run = async (layout: Layout, past: readonly number[] | null) => {
    throwIfAborted(options.signal);
    const batch = await holdBatch(worker, 'generate', layout, model.config.rope, past ?? undefined);
    const fetched = await worker.run(decodeSteps(model, { resident, caches }, batch, past));
    for (const [i, block] of model.blocks.entries()) await checkFinite(model, block, fetched[i + 1]!);
    await checkHeadFinite(model, [Number(fetched.at(-1)!.finite!.data[0])]);
    return [...(fetched.at(-1)!.token!.data as Int32Array)];
  };
  try {
    await caches.open(worker, sequences.length);
    let next = await run(prompts, null);
    for (;;) {
      for (const [b, token] of next.entries()) {
        if (finished[b]) continue;
        const ids = results[sequences[b]!]!;
        ids.push(token);
        finished[b] = isFinished(ids, options);
      }
      if (finished.every(Boolean)) return;
      const single = next.map((token, b) => ({ index: sequences[b]!, ids: [token] }));
      next = await run(layOut(single, { starts: lengths }), lengths);
      for (const b of lengths.keys()) lengths[b]!++;
    }
  } finally {
    await dropBatch({ name: 'generate', layout: prompts, worker });
    await caches.close(worker);
  }
}

/** Embedding, all blocks and the head as one message to the worker. */
function decodeSteps(
  model: Model,
  { resident, caches }: Decoder,
  batch: HeldBatch,
  past: readonly number[] | null,
): Step[] {
  const { layout } = batch;
  const hidden = hiddenName(batch);
  const lengths = [...layout.lengths];
  const starts = past ? [...past] : lengths.map(() => 0);
  return [
    { session: 'embed', feeds: { ids: int32(layout.ids) }, hold: { hidden } },
    ...model.blocks.map((block): Step => {
      const { hold, append } = caches.adds(block, starts, lengths);
      return {
        session: resident.session(block),
        feeds: { ...blockFeeds(batch), ...(past ? caches.past(block) : resident.extraFeeds(batch, block)) },
        fetch: ['finite'],
        hold: { hiddenOut: hidden, ...hold },
        append,
      };
    }),
    {
      session: 'next-token',
      feeds: { hidden: { held: hidden }, rows: int32(lastRows(layout)) },
      fetch: ['token', 'finite'],
    },
  ];
}
