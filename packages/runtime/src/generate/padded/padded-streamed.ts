import { throwIfAborted } from '@moepress/core';
import { nextTokenHeadGraph } from '../../decoder/lm-head.js';
import type { Session, WorkerCommands } from '../../engine/handles.js';
import { int32 } from '../../engine/protocol.js';
import { closing } from '../../engine/scope.js';
import { assertFinite, assertHeadFinite } from '../../forward/finite.js';
import { embedEach, forwardThroughBlocks, type ModelRun } from '../../forward/model-run.js';
import { freeBatches, placeBatch, type WorkerBatch } from '../../forward/worker-batch.js';
import type { Layout } from '../../tokens/token-layout.js';
import { type TokenPicker, withPicker } from '../choose.js';
import { Decoding, lastRows, type SamplingOptions } from '../decoding.js';
import { nextLayout, promptBatches, sequencesWithin } from './padded-batches.js';
import { PaddedCaches } from './padded-caches.js';

/** A batch whose keys and values its worker holds from token to token. */
interface Lane {
  readonly name: string;
  readonly worker: WorkerCommands;
  readonly prompts: Layout;
  readonly decoding: Decoding;
  readonly caches: PaddedCaches;
}

/**
 * Continuation of each prompt, greedy where nobody chooses, by a model too large to be resident: its blocks are mapped one after the
 * other for every token, and all prompts whose keys and values fit in `memory` bytes go through each together.
 */
export async function generatePaddedStreamed(
  given: ModelRun,
  prompts: readonly (readonly number[])[],
  memory: number,
  options: SamplingOptions,
): Promise<number[][]> {
  const run: ModelRun = { ...given, outputs: () => ({ cache: true }) };
  const { engine, model } = run;
  const task = 'Generating';
  const results: number[][] = prompts.map(() => []);
  options.progress?.({ type: 'start', task, total: prompts.length, unit: 'prompts' });
  const most = sequencesWithin(memory, model, prompts, options.maxNewTokens);
  const batches = promptBatches(engine, model, prompts, most);
  let done = 0;
  for (const group of groupsWithin(batches, most)) {
    // Each token takes a pass over the whole model, so progress is reported after each.
    const report = (finished: number, tokens: number) =>
      options.progress?.({ type: 'advance', task, done: done + finished, note: `token ${tokens}` });
    await withPicker(run.sessions, model, options.chooser, (picker) =>
      generateGroup(run, group, { results, report, picker, options }),
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

interface Continuing {
  readonly results: readonly number[][];
  readonly options: SamplingOptions;
  readonly picker: TokenPicker;
  /** Called after each token with the number of finished sequences. */
  report(finished: number, tokens: number): void;
}

async function generateGroup(
  run: ModelRun,
  layouts: readonly Layout[],
  { results, report, picker, options }: Continuing,
): Promise<void> {
  const { engine } = run;
  const lanes = layouts.map((layout, i): Lane => {
    const [name, worker] = [`generate/${i}`, engine.workerFor(i)];
    const decoding = new Decoding(layout.sequences, layout.lengths, results, options);
    return { name, worker, prompts: layout, decoding, caches: new PaddedCaches(run, worker, name) };
  });
  const generateIn = async () => {
    await engine.spread(lanes, ({ caches, decoding }) => caches.open(decoding.indices.length));
    let open: readonly Lane[] = lanes;
    for (let tokens = 1; open.length > 0; tokens++) {
      await advance(run, open, picker, options);
      open = open.filter(({ decoding }) => !decoding.isDone);
      report(
        lanes.reduce((sum, { decoding }) => sum + decoding.finished, 0),
        tokens,
      );
    }
  };
  await closing(generateIn, async () => {
    for (const { caches } of lanes) await caches.free();
  });
}

/** A batch of the newest tokens of a lane. */
interface Newest extends WorkerBatch, Pick<Lane, 'decoding' | 'caches'> {
  /** Tokens of each sequence before these; null: these are the prompts. */
  readonly past: readonly number[] | null;
}

/** One token more for every sequence. */
async function advance(
  run: ModelRun,
  lanes: readonly Lane[],
  picker: TokenPicker,
  { signal }: SamplingOptions,
): Promise<void> {
  const { engine, model, scope } = run;
  const batches = await engine.spread(
    lanes,
    async ({ prompts, decoding, caches, ...own }): Promise<Newest> => {
      const { past, newest } = decoding;
      const layout = nextLayout(decoding, prompts);
      const batch = await placeBatch(scope, { ...own, layout, model, attention: 'padded', past });
      return { ...batch, decoding, caches, past: newest && past };
    },
  );
  const forward = async () => {
    await embedEach(run, batches);
    await forwardThroughBlocks(
      run,
      async (block, session) => {
        await engine.spread(batches, async (batch) => {
          throwIfAborted(signal);
          const [results] = await batch.worker.run([batch.caches.step(session, block, batch, batch.past)]);
          await assertFinite(model, block, results!);
        });
      },
      { signal },
    );
    await scope.with(nextTokenHeadGraph(model), (session) => takeTokens(run, session, batches, picker));
  };
  await closing(forward, () => freeBatches(scope, batches));
}

async function takeTokens(
  { engine, model }: ModelRun,
  session: Session,
  batches: readonly Newest[],
  picker: TokenPicker,
): Promise<void> {
  await engine.spread(batches, async ({ worker, hidden, layout, decoding }) => {
    const rows = lastRows(layout);
    const [results] = await worker.run([
      { session, feeds: { hidden, rows: int32(rows) }, fetch: ['token', 'finite'] },
    ]);
    await assertHeadFinite(model, [Number(results!.finite!.data[0])]);
    const places = decoding.places(results!.token!.data as Int32Array, rows);
    decoding.take(await picker.pick(hidden, places));
  });
}
