import type { Value } from '@moepress/core';
import {
  cast,
  concat,
  equal,
  range,
  reshape,
  sizeOf,
  squeeze,
  transpose,
  unsqueeze,
  where,
} from '@moepress/graph';
import type { PaddedInputs } from '../inputs.js';
import type { KeyValues } from './padded.js';

/**
 * Earlier keys and values with the batch's own, each [B, kvHeads, past + S, D]: what comes in as the past of the
 * next run. The batch is the first one of its sequences, or one token of each; a sequence that is shorter
 * than others gets its token where it ends, and what stands behind that is never looked at.
 */
export function present(past: KeyValues, own: KeyValues, { lastPositions }: PaddedInputs): KeyValues {
  const part = (before: Value, rows: Value) => {
    const [, kvHeads, , dim] = before.shape as [string, number, string, number];
    const [sequences, length] = rows.shape as [string, string];
    const split = reshape(rows, [0, 0, kvHeads, dim], [sequences, length, kvHeads, dim]);
    const heads = transpose(split, [0, 2, 1, 3]);
    const all = concat([before, heads], 2);
    return where(isLast(all, lastPositions), heads, all);
  };
  return { key: part(past.key, own.key), value: part(past.value, own.value) };
}

/** Which of the places of `all` [B, kvHeads, P, D] is the last one of its sequence, bool [B, 1, P, 1]. */
function isLast(all: Value, lastPositions: Value): Value {
  const { graph } = all;
  return graph.onHost(() => {
    const places = range(graph, squeeze(sizeOf(all, 2), 0), 'P');
    const found = equal(places, unsqueeze(cast(lastPositions, 'int64'), 1));
    return reshape(found, [0, 1, -1, 1], [lastPositions.shape[0]!, 1, 'P', 1]);
  });
}
