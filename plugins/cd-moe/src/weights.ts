import {
  type Evidence,
  type LayerEvidence,
  layerEvidence,
  type MoeBlock,
  means,
  type Statistic,
} from '@moepress/core';
import { expertHits, gateWeightSums, outputGram, routedSumProducts } from '@moepress/graph';
import { solvePositive } from './linear.js';
import type { Task } from './task.js';

/** Weight of an expert that no calibration token was routed to (arXiv:2412.00069, released code). */
const unseenWeight = 0.06;

/**
 * The statistics to measure. Searches use the same calibration text, so there is at least one even if no weights are
 * needed.
 */
export function needsOf(task: Task, fitted: boolean): Statistic[] {
  const { count, kept, weights } = task;
  if (count === 0) return [];
  const means = kept > 0 && !weights;
  return [
    ...(means ? [gateWeightSums] : []),
    ...(means || searches(task) ? [expertHits] : []),
    ...(kept > 0 && fitted ? [outputGram, routedSumProducts] : []),
  ];
}

const searches = ({ layers, blocks, kept, experts }: Task): boolean =>
  layers === null || (kept > 0 && blocks.some(({ index }) => layers.includes(index) && !experts.has(index)));

/** Weights of a layer's slots. */
export interface LayerWeights {
  readonly values: Float64Array;
  /** Slots of which nothing is known. */
  readonly unseen: ReadonlySet<number>;
}

/** The mean weight of the tokens routed to each expert, or the weights given in the task (arXiv:2412.00069, step A). */
export function meanWeights(
  { weights }: Task,
  { index, ffn }: MoeBlock,
  evidence: Evidence | null,
): LayerWeights {
  const own = weights?.get(index) ?? measuredMeans(layerEvidence(evidence, index));
  const means = weights ? own : Float64Array.from(ffn.slots, (entry) => own[entry]!);
  return {
    values: means.map((mean) => (Number.isNaN(mean) ? unseenWeight : mean)),
    unseen: new Set([...ffn.slots.keys()].filter((slot) => Number.isNaN(means[slot]))),
  };
}

function measuredMeans(layer: LayerEvidence): Float64Array {
  return means(layer.read(gateWeightSums, 'sum'), layer.read(expertHits, 'count'), Number.NaN);
}

/** Weights fitted to the routed output, and how much of it they leave over. */
export interface Fit {
  readonly weights: readonly number[];
  /** Squared length of what is left over the squared length of the routed output: with the weights given, and fitted. */
  readonly residual: { readonly before: number; readonly after: number };
}

/** The weights with which these slots' experts come nearest to what the routed experts add, in least squares. */
export function fitWeights(
  { index, ffn }: MoeBlock,
  slots: readonly number[],
  given: readonly number[],
  evidence: Evidence | null,
): Fit {
  const layer = layerEvidence(evidence, index);
  const gram = layer.read(outputGram, 'gram');
  const products = layer.read(routedSumProducts, 'products');
  const [square] = layer.read(routedSumProducts, 'square');
  const entries = slots.map((slot) => ffn.slots[slot]!);
  const matrix = entries.map((i) => entries.map((j) => gram[i * ffn.pool.length + j]!));
  const right = entries.map((entry) => products[entry]!);
  const weights = solvePositive(matrix, right);
  const left = (w: readonly number[]) => {
    const ofProducts = w.reduce((sum, x, i) => sum + x * right[i]!, 0);
    const ofGram = w.reduce((sum, x, i) => sum + x * w.reduce((row, y, j) => row + y * matrix[i]![j]!, 0), 0);
    return square! > 0 ? (square! - 2 * ofProducts + ofGram) / square! : 0;
  };
  return { weights, residual: { before: left(given), after: left(weights) } };
}
