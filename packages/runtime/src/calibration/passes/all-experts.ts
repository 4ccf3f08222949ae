import { type Block, elementCount, type MoeFfn, throwIfAborted } from '@moepress/core';
import { allExpertsGraph } from '../../decoder/all-experts.js';
import { isStatisticOutput } from '../../decoder/statistics.js';
import type { Results } from '../../engine/protocol.js';
import { int32 } from '../../engine/tensor.js';
import type { EachBatch } from '../../states/climb.js';
import { heldName } from '../../states/states.js';
import { addUp, type LayerProgress, type PassRequest } from './pass.js';
import { goUpward } from './upward.js';

/** Numbers that the outputs of all experts may take at once: 128 MiB of fp32. */
const outputsBudget = 2 ** 25;

/** Every token through every expert, in chunks; the hidden states go on as the model routes them. */
export async function allExpertsPass(request: PassRequest): Promise<void> {
  await goUpward(request, 'Running all experts', (progress) => ({
    outputs: ({ ffn }) => ({ ffnInput: ffn.kind === 'moe' }),
    async visit(block, _, each) {
      if (isMoe(block)) return measureLayer(request, block, each, progress);
      await each(async (batch, run) => {
        await run();
        progress.advance(batch.layout.ids.length, block.index);
      });
    },
  }));
}

type MoeBlock = Block & { readonly ffn: MoeFfn };
const isMoe = (block: Block): block is MoeBlock => block.ffn.kind === 'moe';

async function measureLayer(
  { engine, model, statistics, signal, done }: PassRequest,
  block: MoeBlock,
  each: EachBatch,
  progress: LayerProgress,
): Promise<void> {
  const session = 'all-experts/layer';
  const graph = allExpertsGraph(model, block, statistics);
  const fetch = graph.outputs.map(({ name }) => name).filter(isStatisticOutput);
  const rows = Math.max(
    1,
    Math.floor(outputsBudget / elementCount([block.ffn.pool.length, model.config.hiddenSize])),
  );
  await engine.open(session, graph);
  try {
    const measured = await each(async (batch, run) => {
      const input = heldName(batch, 'ffnInput');
      const tokens = batch.layout.ids.length;
      const chunks: Results[number][] = [];
      await run({ hold: { ffnInput: input } });
      try {
        for (let from = 0; from < tokens; from += rows) {
          throwIfAborted(signal);
          const chunk = Array.from({ length: Math.min(rows, tokens - from) }, (_, i) => from + i);
          const feeds = { ffnInput: { held: input }, rows: int32(chunk) };
          chunks.push((await batch.worker.run([{ session, feeds, fetch }]))[0]!);
          progress.advance(chunk.length, block.index);
        }
      } finally {
        await batch.worker.drop([input]);
      }
      return chunks;
    });
    await done(addUp(block.index, measured.flat(), fetch));
  } finally {
    await engine.close(session);
  }
}
