import type { Value } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';
import { cast, concat, gather, reshape, scatterNdAdd, unsqueeze, zerosOf } from '@moepress/graph';
import { chunkAxes, chunkLength } from '../../tokens/chunk-layout.js';

/** Tokens of several sequences as G chunks of C places each, of all B sequences at once: see `chunksOf`. */
export interface ChunkInputs {
  /** G, B and C, int64 [3]. */
  readonly sizes: Value;
  /** Place of each packed token among the G * B * C, int32 [T]. */
  readonly places: Value;
  /** Names of the axes G and C. */
  readonly axes: readonly [chunks: string, chunk: string];
  /** Packed token of each place, int32 [G, B * C]; 0 where there is none. */
  readonly rows: Value;
  /** Tokens before each packed token in its sequence, int32 [T]. */
  readonly within: Value;
  /** Rows of the last `window - 1` tokens of each sequence, counted from one; 0 where there is none, int32 [B, window - 1]. */
  readonly tails: Value;
}

/** `most`: tokens of a chunk, at most. */
export function chunkInputs(graph: GraphBuilder, window: number, most = chunkLength): ChunkInputs {
  const axes = chunkAxes(most);
  return {
    axes,
    sizes: graph.input('chunkSizes', 'int64', [3]),
    places: graph.input('chunkPlaces', 'int32', ['T']),
    rows: graph.input('chunkRows', 'int32', [axes[0], `sequences*${axes[1]}`]),
    within: graph.input('within', 'int32', ['T']),
    tails: graph.input('tails', 'int32', ['sequences', window - 1]),
  };
}

/** x [T, ..sizes of heads] as [G, B, C, ..], zeros where there is no token. No token has two places. */
export function toChunks(x: Value, { sizes, places, axes }: ChunkInputs): Value {
  const rest = x.shape.slice(1) as number[];
  const { graph } = x;
  const width = rest.length === 0 ? null : graph.constant(rest, [rest.length], 'int64');
  const all = width ? concat([sizes, width], 0) : sizes;
  const count = graph.op('ReduceProd', [sizes], { shape: [1], attributes: { keepdims: 1 } });
  const flat = zerosOf(
    width ? concat([count, width], 0) : count,
    ['chunks*sequences*chunk', ...rest],
    x.dtype,
  );
  const placed = scatterNdAdd(flat, unsqueeze(cast(places, 'int64'), 1), x);
  return graph.op('Reshape', [placed, all], { shape: [axes[0], 'sequences', axes[1], ...rest] });
}

/** What `toChunks` made of the tokens, [T, ..]. */
export function fromChunks(x: Value, { places }: ChunkInputs): Value {
  const rest = x.shape.slice(3) as number[];
  return gather(reshape(x, [-1, ...rest], ['chunks*sequences*chunk', ...rest]), places);
}
