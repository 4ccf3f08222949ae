import type { Value } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';

/**
 * How the tokens of a batch lie: packed in T rows without padding for everything token-wise, and as
 * B sequences of up to S for attention. T, B and S differ from run to run.
 */
export interface BatchInputs {
  /** Row of the packed tokens at each place of the padded layout, int32 [B, S]. */
  readonly pad: Value;
  /** Place in the flattened padded layout of each packed token, int32 [T]. */
  readonly unpad: Value;
  /** int32 [B]: tokens of each sequence, the past included, minus one. */
  readonly lastPositions: Value;
  /** int32 [1]: tokens of the longest sequence, the past included. */
  readonly totalLength: Value;
  /** Cosine and sine of each token's rotary angles, [T, D / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /** int64 [1, T]: 0, 1, 2, .. */
  readonly order: Value;
}

export function batchInputs(graph: GraphBuilder, ropeDim: number): BatchInputs {
  return {
    pad: graph.input('pad', 'int32', ['B', 'S']),
    unpad: graph.input('unpad', 'int32', ['T']),
    lastPositions: graph.input('lastPositions', 'int32', ['B']),
    totalLength: graph.input('totalLength', 'int32', [1]),
    cos: graph.input('cos', 'float32', ['T', ropeDim / 2]),
    sin: graph.input('sin', 'float32', ['T', ropeDim / 2]),
    order: graph.input('order', 'int64', [1, 'T']),
  };
}
