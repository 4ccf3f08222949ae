import { type Model, throwIfAborted } from '@moepress/core';
import { nextTokenHeadGraph } from '../../decoder/ends.js';
import type { Engine } from '../../engine/engine.js';
import { int32 } from '../../engine/tensor.js';
import type { EngineWorker } from '../../engine/worker.js';
import { streamedBlocks } from '../../forward/blocks.js';
import { embedEach } from '../../forward/embed.js';
import { checkFinite, checkHeadFinite } from '../../forward/finite.js';
import { dropBatch, type HeldBatch, hiddenName, holdBatch } from '../../forward/held.js';
import type { Layout } from '../../forward/layout.js';
import { type Chooser, chosenTokens, withLogits } from '../choose.js';
import { Decoding } from '../decoding.js';
import type { SamplingOptions } from '../options.js';
import { lastRows } from '../options.js';
import { promptBatches, sequencesWithin } from './batches.js';
import { type Caches, cachesFor } from './caches.js';
import { nextLayout } from './next.js';

/** A batch whose keys and values its worker holds from token to token. */
interface Lane {
  readonly name: string;
  readonly worker: EngineWorker;
  readonly prompts: Layout;
  readonly decoding: Decoding;
  readonly caches: Caches;
}

/**
 * Continuation of each prompt, greedy where nobody chooses, by a model too large to be resident: its blocks are mapped one after the
 * other for every token, and all prompts whose keys and values fit in `memory` bytes go through each together.
 */
export async function generatePaddedStreamed(
  engine: Engine,
  model: Model,
  prompts: readonly (readonly number[])[],
  memory: number,
  options: SamplingOptions,
): Promise<number[][]> {
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  const most = sequencesWithin(memory, model, prompts, options.maxNewTokens);
  const batches = promptBatches(engine, model, prompts, most);
  let done = 0;
  for (const group of groupsWithin(batches, most)) {
    // A token takes the whole model: whoever waits wants to see each.
    const report = (finished: number, tokens: number) =>
      options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
    await withLogits(engine, model, options.chooser, () =>
      generateGroup(engine, model, group, { results, report }, options),
    );
    done += group.reduce((sum, { sequences }) => sum + sequences.length, 0);
  }
  options.progress?.({ type: 'end', task });
  return results;
}

/** Batches of at most `most` sequences together, each group as many as fit. */
function groupsWithin(batches: readonly Layout[], most: number): Layout[][] {
  const groups: Layout[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const layout of batches) {
    size += layout.sequences.length;
    if (size <= most) {
      groups.at(-1)!.push(layout);
      continue;
    }
    groups.push([layout]);
    size = layout.sequences.length;
  }
  return groups;
}

interface Outcome {
  readonly results: readonly number[][];
  /** Told after each token how many sequences are finished. */
  report(finished: number, tokens: number): void;
}

async function generateGroup(
  engine: Engine,
  model: Model,
  layouts: readonly Layout[],
  { results, report }: Outcome,
  options: SamplingOptions,
): Promise<void> {
  const lanes = layouts.map((layout, i): Lane => {
    const name = `generate/${i}`;
    return {
      name,
      worker: engine.workerFor(i),
      prompts: layout,
      decoding: new Decoding(layout.sequences, layout.lengths, results, options),
      caches: cachesFor(name, model, engine.traits),
    };
  });
  try {
    await engine.spread(lanes, ({ worker, caches, decoding }) =>
      caches.open(worker, decoding.indices.length),
    );
    let open: readonly Lane[] = lanes;
    for (let tokens = 1; open.length > 0; tokens++) {
      await advance(engine, model, open, options);
      open = open.filter(({ decoding }) => !decoding.isDone);
      report(
        lanes.reduce((sum, { decoding }) => sum + decoding.finished, 0),
        tokens,
      );
    }
  } finally {
    await engine.spread(lanes, ({ worker, caches }) => caches.close(worker));
  }
}

/** One token more for every sequence. */
async function advance(
  engine: Engine,
  model: Model,
  lanes: readonly Lane[],
  { signal, chooser }: SamplingOptions,
): Promise<void> {
  const batches = await engine.spread(lanes, async ({ name, worker, prompts, decoding, caches }) => {
    const { past, newest } = decoding;
    const layout = nextLayout(decoding, prompts);
    const batch = await holdBatch(worker, name, layout, model, { attention: 'padded', past });
    return { ...batch, decoding, caches, past: newest && past };
  });
  try {
    await embedEach(engine, model, batches, (batch, embed) => embed(hiddenName(batch)));
    const blocks = streamedBlocks(engine, model, () => ({ cache: true }));
    await blocks.each(
      async (block, session) => {
        await engine.spread(batches, async (batch) => {
          throwIfAborted(signal);
          const [results] = await batch.worker.run([batch.caches.step(session, block, batch, batch.past)]);
          await checkFinite(model, block, results!);
        });
      },
      { signal },
    );
    await takeTokens(engine, model, batches, chooser);
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
  }
}

async function takeTokens(
  engine: Engine,
  model: Model,
  batches: readonly (HeldBatch & Pick<Lane, 'decoding'>)[],
  chooser: Chooser | undefined,
): Promise<void> {
  const session = 'generate/head';
  await engine.open(session, nextTokenHeadGraph(model));
  try {
    await engine.spread(batches, async (batch) => {
      const rows = lastRows(batch.layout);
      const feeds = { hidden: { held: hiddenName(batch) }, rows: int32(rows) };
      const [results] = await batch.worker.run([{ session, feeds, fetch: ['token', 'finite'] }]);
      await checkHeadFinite(model, [Number(results!.finite!.data[0])]);
      const places = batch.decoding.places(results!.token!.data as Int32Array, rows);
      batch.decoding.take(await chosenTokens(batch.worker, model, hiddenName(batch), places, chooser));
    });
  } finally {
    await engine.close(session);
  }
}
