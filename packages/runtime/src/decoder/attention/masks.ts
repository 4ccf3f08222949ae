import type { Value } from '@moepress/core';
import {
  add,
  and,
  causalMask,
  div,
  equal,
  greater,
  plusNumber,
  range,
  sizeOf,
  sliceDynamic,
  squeeze,
  sub,
  unsqueeze,
  where,
} from '@moepress/graph';
import type { Reach } from '../../tokens/reach.js';

/** Far below any score, but finite, so that a query without a key does not become NaN. */
export const outOfReach = -1e30;

/**
 * The mask [Q, K] of some tokens of one sequence and all of it up to the last of them, for their scores [.., Q, K]: 0 where
 * a token may attend, a very low number elsewhere.
 */
export function sequenceMask(scores: Value, { window, chunked }: Reach): Value {
  if (window === null || !chunked) return causalMask(scores, window);
  const { graph } = scores;
  const count = sizeOf(scores, -1);
  const chunks = chunkOf(range(graph, squeeze(count, 0), scores.shape.at(-1)!), window);
  const asked = sliceDynamic(chunks, 0, {
    from: sub(count, sizeOf(scores, -2)),
    to: count,
    count: scores.shape.at(-2)!,
  });
  const isOwn = equal(unsqueeze(asked, 1), unsqueeze(chunks, 0));
  const [nothing, low] = [0, outOfReach].map((number) => graph.constant([number], [], scores.dtype));
  return add(causalMask(scores, null), where(isOwn, nothing!, low!));
}

/** Whether queries at some positions see keys at others that are not behind them; integers that broadcast against each other. */
export function isNear(keys: Value, queries: Value, { window, chunked }: Reach): Value | null {
  if (window === null) return null;
  if (chunked) return equal(chunkOf(keys, window), chunkOf(queries, window));
  // ONNX has no "at least" for integers, so the lower bound is one less.
  return greater(plusNumber(keys, window), queries);
}

/** `before` and `near`, if that is not everywhere. */
export const bothOf = (before: Value, near: Value | null): Value => (near ? and(before, near) : before);

/** The first position that is in the chunk of a position, or the number of the chunk: what two positions share. */
function chunkOf(positions: Value, size: number): Value {
  return div(positions, positions.graph.constant([size], [], positions.dtype));
}
