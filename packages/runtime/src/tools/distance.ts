import { type Criterion, type Model, MoepressError, type Value } from '@moepress/core';
import { concat, GraphBuilder, type GraphIR, mul, reduceSum, sliceDynamic } from '@moepress/graph';
import { finalNormOf } from '../decoder/norm.js';
import type { Feeds, Session, Step } from '../engine/handles.js';
import { type TensorData, tensor } from '../engine/protocol.js';
import type { WorkerBatch } from '../forward/worker-batch.js';
import type { Layout } from '../tokens/token-layout.js';

/**
 * The number of values of a state compared at once: the intermediate results of a criterion then stay in a core's
 * cache.
 */
const stretchSize = 2 ** 16;

/** The number of rows compared at once. */
export const distanceRows = (hiddenSize: number): number => Math.max(1, Math.floor(stretchSize / hiddenSize));

/** Distances of several states from one. */
export interface Comparison {
  readonly reference: Value;
  readonly candidates: readonly Value[];
}

/**
 * A graph that measures, in rows [`from`, `to`) of the states [T, H] it is fed, how far each candidate is from
 * the reference: `sums` float64 [candidates], each row's distance times its weight in `rowWeights`.
 * `compared` is given a function that declares a state as input and yields its rows.
 * Throws `PLUGIN_INVALID` if the criterion yields anything else than float64.
 */
export function distanceGraph(
  criterion: Criterion,
  hiddenSize: number,
  compared: (rowsOf: (state: string) => Value, graph: GraphBuilder) => Comparison,
): GraphIR {
  const graph = new GraphBuilder(`distance.${criterion.name}`);
  const [from, to] = [graph.input('from', 'int64', [1]), graph.input('to', 'int64', [1])];
  const weights = graph.input('rowWeights', 'float64', ['rows']);
  const rowsOf = (state: string) =>
    sliceDynamic(graph.input(state, 'float32', ['T', hiddenSize]), 0, { from, to, count: 'rows' });
  const { reference, candidates } = compared(rowsOf, graph);
  const distanceTo = criterion.distanceFrom(graph, reference);
  const sums = candidates.map((candidate) => {
    const distances = distanceTo(candidate);
    if (distances.dtype !== 'float64') throw notDouble(criterion, distances);
    return reduceSum(mul(distances, weights), [0], true);
  });
  graph.output('sums', concat(sums, 0));
  return graph.finish();
}

/** The distance of the states from state 0 after the final norm. */
export function finalDistanceGraph(model: Model, criterion: Criterion, states: readonly number[]): GraphIR {
  const { hiddenSize } = model.config;
  return distanceGraph(criterion, hiddenSize, (rowsOf) => {
    const all = states.map((state) => finalNormOf(rowsOf(`state.${state}`), model));
    return { reference: all[0]!, candidates: all };
  });
}

/** What is compared in a batch, in a mean over so many sequences. */
export interface Compared {
  readonly session: Session;
  readonly batch: WorkerBatch;
  /** Outputs by their names in the graph. */
  readonly states: Feeds;
  readonly hiddenSize: number;
  readonly sequences: number;
}

/** The sums that a session of `distanceGraph` computes over a batch. */
export async function sumDistances({
  session,
  batch,
  states,
  hiddenSize,
  sequences,
}: Compared): Promise<Float64Array> {
  const rows = distanceRows(hiddenSize);
  const weights = rowWeights(batch.layout, sequences);
  const steps: Step[] = [];
  for (let from = 0; from < weights.length; from += rows) {
    const to = Math.min(weights.length, from + rows);
    const own = weights.slice(from, to);
    const feeds = {
      ...states,
      from: int64(from),
      to: int64(to),
      rowWeights: tensor('float64', [own.length], own),
    };
    steps.push({ session, feeds, fetch: ['sums'] });
  }
  return addUp((await batch.worker.run(steps)).map(({ sums }) => sums!.data as Float64Array));
}

/** Element-wise sums, in the order given. */
export function addUp(parts: readonly Float64Array[]): Float64Array {
  const [first, ...rest] = parts;
  const sums = first!.slice();
  for (const part of rest) for (const [i, value] of part.entries()) sums[i]! += value;
  return sums;
}

/** What each row's number counts for in a mean over its sequence's tokens, then over `sequences` of them. */
function rowWeights({ owners, lengths }: Layout, sequences: number): Float64Array {
  return Float64Array.from(owners, (b) => 1 / (lengths[b]! * sequences));
}

const int64 = (value: number): TensorData => tensor('int64', [1], BigInt64Array.of(BigInt(value)));

function notDouble({ name }: Criterion, { dtype }: Value): MoepressError {
  return new MoepressError('PLUGIN_INVALID', {
    message: `Its distances are ${dtype} and not float64.`,
    where: `criterion ${name}`,
    hint: 'Report this to the author of the method.',
  });
}
