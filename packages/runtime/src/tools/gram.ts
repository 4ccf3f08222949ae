import {
  elementCount,
  MoepressError,
  rows,
  type StoredTensor,
  type TensorExpr,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { concat, GraphBuilder, type GraphIR, linear, reshape, weight } from '@moepress/graph';
import { arrangeFor, type Job } from '../engine/arrange.js';
import type { Engine } from '../engine/engine.js';
import type { Session } from '../engine/handles.js';
import { idleBytes, workerBytes } from '../footprint/session-bytes.js';
import { gramFragmentation } from '../memory/constants.js';

/** Doubles converted at once: 128 MiB, or less where memory is scarce. */
const chunkBudgets = [2 ** 24, 2 ** 22, 2 ** 20] as const;

/**
 * Inner products <A, B> of n matrices of one shape taken as vectors, [n, n] row-major. Rows are
 * taken a few at a time, so memory stays small whatever the tensors' size; double precision
 * throughout keeps the distance of equal tensors at zero. Throws `MEMORY_EXCEEDED` if they do not fit into the engine's.
 */
export async function gram(
  engine: Engine,
  tensors: readonly TensorExpr[],
  work: Work = {},
): Promise<Float64Array> {
  const n = tensors.length;
  const sums = new Float64Array(n * n);
  const [first] = tensors;
  if (!first) return sums;
  const odd = tensors.find(({ shape }) => shape.join() !== first.shape.join());
  if (odd || first.shape.length !== 2) {
    throw new MoepressError('PLUGIN_INVALID', {
      message: `gram() needs matrices of one shape, got [${first.shape}] and [${odd?.shape ?? first.shape}].`,
      where: 'tools.gram',
      hint: 'Report this to the author of the method.',
    });
  }
  const [height, width] = first.shape as [number, number];
  const stepOf = (budget: number) => Math.min(height, Math.max(1, Math.floor(budget / (n * width))));
  const job: Job = {
    where: 'inner products of weights',
    sizes: chunkBudgets,
    inTokens: false,
    demandOf(budget) {
      const graph = gramGraph(tensors.map((tensor) => rowRange(tensor, 0, stepOf(budget))));
      const busy = Math.ceil(height / stepOf(budget));
      const sessions = [{ graph, runs: [{}], slack: gramFragmentation }];
      const worker = workerBytes({ sessions, runs: busy });
      return { worker, idle: idleBytes(sessions), busy, held: 0, carried: 0, spilled: 0 };
    },
  };
  const products = await engine.turn(async () => {
    const plan = await arrangeFor(engine, job, work.progress);
    const step = stepOf(plan?.size ?? chunkBudgets[0]);
    const chunks = Array.from({ length: Math.ceil(height / step) }, (_, i) => ({
      from: i * step,
      to: Math.min(height, (i + 1) * step),
      worker: engine.workerFor(i),
    }));
    return engine.inScope((scope) =>
      engine.spread(chunks, async ({ from, to, worker }) => {
        throwIfAborted(work.signal);
        const graph = gramGraph(tensors.map((tensor) => rowRange(tensor, from, to)));
        const multiply = async (session: Session) => {
          const [results] = await worker.run([{ session, feeds: {}, fetch: ['gram'] }]);
          return results!.gram!.data as Float64Array;
        };
        return scope.with(graph, multiply, { workers: [worker] });
      }),
    );
  }, work.signal);
  for (const part of products) for (const [i, value] of part.entries()) sums[i]! += value;
  return sums;
}

function gramGraph(parts: readonly TensorExpr[]): GraphIR {
  const graph = new GraphBuilder('gram');
  const size = elementCount(parts[0]!.shape);
  const vectors = parts.map((part) => reshape(weight(graph, part, 'float64'), [1, size]));
  const matrix = concat(vectors, 0);
  graph.output('gram', linear(matrix, matrix));
  return graph.finish();
}

/** Rows [from, to); of a stored tensor simply a shorter stretch of its file. */
function rowRange(tensor: TensorExpr, from: number, to: number): TensorExpr {
  if (tensor.kind !== 'stored') {
    return rows(
      tensor,
      Array.from({ length: to - from }, (_, i) => from + i),
    );
  }
  const rowBytes = tensor.length / tensor.shape[0]!;
  const part: StoredTensor = {
    ...tensor,
    offset: tensor.offset + from * rowBytes,
    length: (to - from) * rowBytes,
    shape: tensor.shape.with(0, to - from),
  };
  return part;
}
