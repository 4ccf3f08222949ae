import { type Block, elementCount, type MoeFfn, throwIfAborted } from '@moepress/core';
import { allExpertsGraph } from '../../decoder/all-experts.js';
import { isStatisticOutput } from '../../decoder/statistics.js';
import type { Results } from '../../engine/protocol.js';
import { int32 } from '../../engine/tensor.js';
import { runBlock, streamedBlocks } from '../../forward/blocks.js';
import { embedBatches } from '../../forward/embed.js';
import { dropBatch, type HeldBatch } from '../../forward/held.js';
import { batchSequences, defaultLimits } from '../../forward/layout.js';
import { addUp, layerProgress, type PassRequest, upToLastMoe } from './pass.js';

/** Numbers that the outputs of all experts may take at once: 128 MiB of fp32. */
const outputsBudget = 2 ** 25;

/** Every token through every expert, in chunks; the hidden states go on as the model routes them. */
export async function allExpertsPass(request: PassRequest): Promise<void> {
  const { engine, signal } = request;
  const model = upToLastMoe(request.model);
  const layouts = batchSequences(request.sequences, { ...defaultLimits, heads: model.config.heads });
  const progress = layerProgress('Running all experts', request, model.blocks.length);
  const batches = await embedBatches(engine, model, layouts, 'all-experts');
  try {
    const blocks = streamedBlocks(engine, model, ({ ffn }) => ({ ffnInput: ffn.kind === 'moe' }));
    await blocks.each(async (block, session) => {
      const isMoe = block.ffn.kind === 'moe';
      await engine.spread(batches, async (batch) => {
        throwIfAborted(signal);
        await runBlock(
          model,
          block,
          session,
          batch,
          isMoe ? { hold: { ffnInput: ffnInputName(batch) } } : {},
        );
        if (!isMoe) progress.advance(batch.layout.ids.length, block.index);
      });
      if (isMoe) await measureLayer(request, block as Block & { ffn: MoeFfn }, batches, progress);
    }, request);
  } finally {
    await Promise.all(
      batches.map(async (batch) => {
        await dropBatch(batch);
        await batch.worker.drop([ffnInputName(batch)]);
      }),
    );
    progress.end();
  }
}

const ffnInputName = (batch: HeldBatch) => `${batch.name}/ffnInput`;

async function measureLayer(
  { engine, model, statistics, signal, done }: PassRequest,
  block: Block & { readonly ffn: MoeFfn },
  batches: readonly HeldBatch[],
  progress: ReturnType<typeof layerProgress>,
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
    const measured = await engine.spread(batches, async (batch) => {
      const tokens = batch.layout.ids.length;
      const chunks: Results[number][] = [];
      for (let from = 0; from < tokens; from += rows) {
        throwIfAborted(signal);
        const chunk = Array.from({ length: Math.min(rows, tokens - from) }, (_, i) => from + i);
        const feeds = { ffnInput: { held: ffnInputName(batch) }, rows: int32(chunk) };
        chunks.push((await batch.worker.run([{ session, feeds, fetch }]))[0]!);
        progress.advance(chunk.length, block.index);
      }
      return chunks;
    });
    done(addUp(block.index, measured.flat(), fetch));
  } finally {
    await engine.close(session);
  }
}
