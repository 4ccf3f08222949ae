import { type Model, throwIfAborted, type Work } from '@moepress/core';
import { logitsHeadGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import type { TensorData } from '../engine/protocol.js';
import { int32 } from '../engine/tensor.js';
import { type BlockSessions, runBlock } from './blocks.js';
import { embedBatches } from './embed.js';
import { checkHeadFinite } from './finite.js';
import { dropBatch, type HeldBatch, hiddenName } from './held.js';
import { layOut, rowOf } from './layout.js';

/** Everything a forward pass computes for one sequence of n tokens. */
export interface Trace {
  /** [n, vocabulary] */
  readonly logits: TensorData;
  /** L + 1 states [n, H]: the embeddings, then the output of each block, before the final norm. */
  readonly hidden: readonly TensorData[];
  /** One entry an MoE layer, in depth order. */
  readonly routing: readonly LayerRouting[];
}

export interface LayerRouting {
  readonly layer: number;
  /** Before the softmax, [n, N]. */
  readonly routerLogits: TensorData;
  /** Chosen slots by descending weight, int32 [n, k]. */
  readonly selected: TensorData;
  /** Their weights as the forward pass uses them, [n, k]. */
  readonly weights: TensorData;
}

/**
 * Traces sequences as one padded batch. `blocks` must have been made with routing outputs.
 * Results are in the order of the sequences.
 */
export async function traceSequences(
  engine: Engine,
  model: Model,
  blocks: BlockSessions,
  sequences: readonly (readonly number[])[],
  work: Work = {},
): Promise<Trace[]> {
  const layout = layOut(sequences.map((ids, index) => ({ index, ids })));
  const [batch] = await embedBatches(engine, model, [layout], 'trace');
  const rows = sequences.map((ids, b) => ids.map((_, t) => rowOf(layout, b, t)));
  const hidden = [await batch!.worker.take(hiddenName(batch!))];
  const routing: LayerRouting[] = [];
  try {
    await blocks.each(async (block, session) => {
      throwIfAborted(work.signal);
      const isMoe = block.ffn.kind === 'moe';
      const results = await runBlock(model, block, session, batch!, {
        extraFeeds: blocks.extraFeeds(batch!, block),
        fetch: isMoe ? ['routerLogits', 'selected', 'weights'] : [],
      });
      hidden.push(await batch!.worker.take(hiddenName(batch!)));
      if (!isMoe) return;
      const { routerLogits, selected, weights } = results;
      routing.push({
        layer: block.index,
        routerLogits: routerLogits!,
        selected: selected!,
        weights: weights!,
      });
    }, work);
    const logits = await logitsOf(engine, model, batch!);
    return rows.map((own) => ({
      logits: pickRows(logits, own),
      hidden: hidden.map((state) => pickRows(state, own)),
      routing: routing.map(({ layer, routerLogits, selected, weights }) => ({
        layer,
        routerLogits: pickRows(routerLogits, own),
        selected: pickRows(selected, own),
        weights: pickRows(weights, own),
      })),
    }));
  } finally {
    await dropBatch(batch!);
  }
}

async function logitsOf(engine: Engine, model: Model, batch: HeldBatch): Promise<TensorData> {
  const session = 'trace/head';
  await engine.open(session, logitsHeadGraph(model));
  try {
    const all = int32(batch.layout.ids.map((_, row) => row));
    const feeds = { hidden: { held: hiddenName(batch) }, rows: all };
    const [results] = await batch.worker.run([{ session, feeds, fetch: ['logits'] }]);
    await checkHeadFinite(model, results!.logits!.data as Float32Array);
    return results!.logits!;
  } finally {
    await engine.close(session);
  }
}

function pickRows(matrix: TensorData, rows: readonly number[]): TensorData {
  const width = matrix.dims[1]!;
  const source = matrix.data as Float32Array | Int32Array;
  const data = new (source.constructor as Float32ArrayConstructor)(rows.length * width);
  rows.forEach((row, i) => {
    data.set(source.subarray(row * width, (row + 1) * width), i * width);
  });
  return { dtype: matrix.dtype, dims: [rows.length, width], data };
}

/** -log p(ids[t + 1] | ids[..t]) from logits [n, vocabulary], n - 1 numbers, in double precision. */
export function negativeLogLikelihoods(logits: TensorData, ids: readonly number[]): Float64Array {
  const vocabulary = logits.dims[1]!;
  return Float64Array.from({ length: ids.length - 1 }, (_, t) => {
    const row = (logits.data as Float32Array).subarray(t * vocabulary, (t + 1) * vocabulary);
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = row.reduce((total, x) => total + Math.exp(x - largest), 0);
    return largest + Math.log(sum) - row[ids[t + 1]!]!;
  });
}
