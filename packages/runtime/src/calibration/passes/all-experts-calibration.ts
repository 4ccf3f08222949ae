import { type Block, elementCount, type Model, type MoeBlock, throwIfAborted } from '@moepress/core';
import { allExpertsGraph } from '../../decoder/all-experts.js';
import { isStatisticOutput } from '../../decoder/statistics.js';
import { defaultLimits } from '../../devices/batch-limits.js';
import { int32, type Results } from '../../engine/protocol.js';
import { closing } from '../../engine/scope.js';
import type { EachBatch } from '../../states/forward-pass.js';
import { OrderedSums } from '../layer-sums.js';
import { countedRows, forwardCalibration, type PassSteps } from './forward-calibration.js';
import type { LayerProgress, PassRequest } from './pass-request.js';

/** Numbers that the outputs of all experts may take at once: 128 MiB of fp32; less where runs are shorter. */
const outputsBudget = 2 ** 25;

/** The number of tokens that go through all experts of a block at once, where runs have at most `tokens`. */
export function rowsAtOnce({ config }: Pick<Model, 'config'>, { ffn }: MoeBlock, tokens: number): number {
  const budget = outputsBudget * Math.min(1, tokens / defaultLimits.tokens);
  return Math.max(1, Math.floor(budget / elementCount([ffn.pool.length, config.hiddenSize])));
}

/** Runs every token that counts through every expert, in chunks; the hidden states continue as the model routes them. */
export async function allExpertsPass(request: PassRequest): Promise<void> {
  await forwardCalibration(request, 'Running all experts', (progress) => allExpertsSteps(request, progress));
}

/** Measures statistics of this pass in each block. */
export const allExpertsSteps = (request: PassRequest, progress: LayerProgress): PassSteps => ({
  outputs: ({ ffn }) => ({ ffnInput: ffn.kind === 'moe' }),
  async visit(block, _, each) {
    if (isMoe(block)) return measureLayer(request, block, each, progress);
    await each(async (batch, run) => {
      await run();
      progress.advance(batch.layout.ids.length, block.index);
    });
  },
});

export const isMoe = (block: Block): block is MoeBlock => block.ffn.kind === 'moe';

async function measureLayer(
  { engine, scope, model, counted, statistics, signal, done }: PassRequest,
  block: MoeBlock,
  each: EachBatch,
  progress: LayerProgress,
): Promise<void> {
  const graph = allExpertsGraph(model, block, statistics);
  const rows = rowsAtOnce(model, block, engine.limits.tokens);
  await scope.with(graph, async (session) => {
    const fetch = session.outputs.filter(isStatisticOutput);
    const measured = new OrderedSums(block.index, fetch, statistics);
    await each(async (batch, run, index) => {
      const ffnInput = scope.tensor(batch.worker, `${batch.name}/ffnInput`);
      const { layout } = batch;
      const tokens = layout.ids.length;
      const own = counted ? countedRows(layout, counted) : layout.ids.map((_, row) => row);
      const chunks: Results[number][] = [];
      const inChunks = async () => {
        await run({ keep: { ffnInput } });
        for (let from = 0; from < own.length; from += rows) {
          throwIfAborted(signal);
          const chunk = own.slice(from, from + rows);
          const feeds = { ffnInput, rows: int32([...chunk]) };
          chunks.push((await batch.worker.run([{ session, feeds, fetch }]))[0]!);
          progress.advance(chunk.length, block.index);
        }
        progress.advance(tokens - own.length, block.index);
      };
      await closing(inChunks, () => scope.free([ffnInput]));
      measured.add(index, chunks);
    });
    await done(measured.sums);
  });
}
