import type { Router, RouterGroups, Value } from '@moepress/core';
import {
  add,
  cast,
  equal,
  gatherElements,
  greater,
  reduceSum,
  reshape,
  scatterAdd,
  topK,
  unsqueeze,
  where,
  zeroRows,
} from '@moepress/graph';
import { weightFor } from '../weights.js';

/** Chosen slots of T tokens, by descending score. */
export interface Selection {
  /** int64 [T, k] */
  readonly selected: Value;
  /** [T, k] */
  readonly scores: Value;
}

/** The k slots with the highest of the `scores` [T, N], or of what bias and groups make of them. */
export function selectSlots(scores: Value, { topK: k, selectionBias, groups }: Router): Selection {
  if (!selectionBias && !groups) {
    const { values, indices } = topK(scores, k);
    return { selected: indices, scores: values };
  }
  const biased = selectionBias ? add(scores, weightFor(scores, selectionBias)) : scores;
  const chosen = topK(groups ? withinBestGroups(biased, groups) : biased, k).indices;
  // What was chosen by one order is sorted by the other.
  const { values, indices } = topK(gatherElements(scores, chosen, 1), k);
  return { selected: gatherElements(chosen, indices, 1), scores: values };
}

/**
 * `scores` with those outside the best groups beyond reach (DeepSeek-V2, arXiv 2405.04434, section
 * 2.2.2; DeepSeek-V3, arXiv 2412.19437, section 2.1.2).
 */
function withinBestGroups(scores: Value, { count, selected, by }: RouterGroups): Value {
  const { graph, dtype } = scores;
  const slots = Number(scores.shape[1]);
  const grouped = reshape(scores, [-1, count, slots / count], ['T', count, slots / count]);
  const worth = reduceSum(topK(grouped, by === 'max' ? 1 : 2).values, [2]);
  const best = topK(worth, selected).indices;
  const marks = scatterAdd(zeroRows(worth, count), best, cast(equal(best, best), dtype), 1);
  const isBest = unsqueeze(greater(marks, graph.constant([0], [], dtype)), 2);
  const beyondReach = graph.constant([Number.NEGATIVE_INFINITY], [], dtype);
  return reshape(where(isBest, grouped, beyondReach), [-1, slots], ['T', slots]);
}
