import { throwIfAborted, type Work } from '@moepress/core';
import { logitsHeadGraph } from '../decoder/lm-head.js';
import type { Session } from '../engine/handles.js';
import { int32, type TensorData } from '../engine/protocol.js';
import { closing } from '../engine/scope.js';
import { layOut, rowOf } from '../tokens/token-layout.js';
import { assertHeadFinite } from './finite.js';
import { embedEach, forwardThroughBlocks, type ModelRun, runBlock } from './model-run.js';
import { freeBatches, placeBatches, type WorkerBatch } from './worker-batch.js';

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

/** Traces sequences as one batch, by a run whose outputs include the routing, in the order of the sequences. */
export async function traceSequences(
  run: ModelRun,
  sequences: readonly (readonly number[])[],
  { signal }: Pick<Work, 'signal'> = {},
): Promise<Trace[]> {
  const layout = layOut(sequences.map((ids, index) => ({ index, ids })));
  const batches = await placeBatches(run, [layout], 'trace');
  const [batch] = batches as [WorkerBatch];
  return closing(
    async () => {
      await embedEach(run, batches);
      return traceBatch(run, batch, sequences, signal);
    },
    () => freeBatches(run.scope, batches),
  );
}

async function traceBatch(
  run: ModelRun,
  batch: WorkerBatch,
  sequences: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<Trace[]> {
  const hidden = [await batch.hidden.read()];
  const routing: LayerRouting[] = [];
  await forwardThroughBlocks(
    run,
    async (block, session) => {
      const isMoe = block.ffn.kind === 'moe';
      const fetch = isMoe ? ['routerLogits', 'selected', 'weights'] : [];
      const results = await runBlock(run, { block, session, batch, fetch });
      hidden.push(await batch.hidden.read());
      if (!isMoe) return;
      const { routerLogits, selected, weights } = results;
      routing.push({
        layer: block.index,
        routerLogits: routerLogits!,
        selected: selected!,
        weights: weights!,
      });
    },
    { signal },
  );
  throwIfAborted(signal);
  const logits = await logitsOf(run, batch);
  return sequences.map((ids, b) => {
    const own = ids.map((_, t) => rowOf(batch.layout, b, t));
    return {
      logits: pickRows(logits, own),
      hidden: hidden.map((state) => pickRows(state, own)),
      routing: routing.map(({ layer, routerLogits, selected, weights }) => ({
        layer,
        routerLogits: pickRows(routerLogits, own),
        selected: pickRows(selected, own),
        weights: pickRows(weights, own),
      })),
    };
  });
}

async function logitsOf(
  { sessions, model }: ModelRun,
  { worker, hidden, layout }: WorkerBatch,
): Promise<TensorData> {
  const logits = async (session: Session) => {
    const feeds = { hidden, rows: int32(layout.ids.map((_, row) => row)) };
    const [results] = await worker.run([{ session, feeds, fetch: ['logits'] }]);
    await assertHeadFinite(model, results!.logits!.data as Float32Array);
    return results!.logits!;
  };
  return sessions.with('logits-head', () => logitsHeadGraph(model), logits);
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
