import type { Rope, Value } from '@moepress/core';
import type { GraphBuilder } from '@moepress/graph';

/** Angles of the T packed tokens of a batch. */
export interface AngleInputs {
  /** Cosine and sine of each token's rotary angles, [T, D / 2]. */
  readonly cos: Value;
  readonly sin: Value;
  /** int64 [1, T]: 0, 1, 2, .. */
  readonly order: Value;
}

/**
 * Tokens that lie as a tree, P shared ones before them: see `Layout` and `Tiles`. T, P and the rest differ from run to
 * run. Places count the tokens before first.
 */
export interface TreeInputs extends AngleInputs {
  /** Rows that come out, int32 [R]; null: all T. Keys and values are those of all. */
  readonly rows: Value | null;
  /** The queries of each tile, int32 [N, Q], counted among the rows that come out. */
  readonly queries: Value;
  /** Places of the keys of all tiles, int32 [M]. */
  readonly keys: Value;
  /** Where each tile's begin and end there, int64 [N, 2]. */
  readonly spans: Value;
  /** The token at each place is seen by rows above `before` and below `ends`, int32 [P + T]. */
  readonly before: Value;
  readonly ends: Value;
  /** Position of each row and of the token at each place, int32 [T] and [P + T]. */
  readonly positions: Value;
  readonly keyPositions: Value;
}

/** Tokens that lie as B sequences of up to S places for attention, for devices without the operators of trees. */
export interface PaddedInputs extends AngleInputs {
  /** Row of the packed tokens at each place of the padded layout, int32 [B, S]. */
  readonly pad: Value;
  /** Place in the flattened padded layout of each packed token, int32 [T]. */
  readonly unpad: Value;
  /** int32 [B]: tokens of each sequence, the past included, minus one. */
  readonly lastPositions: Value;
}

/** Declares cosines and sines; `name` tells those of one rotation from those of another. */
export function tableInputs(
  graph: GraphBuilder,
  { dim }: Rope,
  name: TableName = (part) => part,
): Omit<AngleInputs, 'order'> {
  const input = (part: TablePart) => graph.input(name(part), 'float32', ['T', dim / 2]);
  return { cos: input('cos'), sin: input('sin') };
}

type TablePart = 'cos' | 'sin';
export type TableName = (part: TablePart) => string;

export const orderInput = (graph: GraphBuilder): Value => graph.input('order', 'int64', [1, 'T']);

function angleInputs(graph: GraphBuilder, rope: Rope): AngleInputs {
  return { ...tableInputs(graph, rope), order: orderInput(graph) };
}

export function treeInputs(graph: GraphBuilder, rope: Rope, rows: Value | null): TreeInputs {
  return {
    ...angleInputs(graph, rope),
    rows,
    queries: graph.input('queries', 'int32', ['N', 'Q']),
    keys: graph.input('keys', 'int32', ['M']),
    spans: graph.input('spans', 'int64', ['N', 2]),
    before: graph.input('before', 'int32', ['P+T']),
    ends: graph.input('ends', 'int32', ['P+T']),
    positions: graph.input('positions', 'int32', ['T']),
    keyPositions: graph.input('keyPositions', 'int32', ['P+T']),
  };
}

export function paddedInputs(graph: GraphBuilder, rope: Rope): PaddedInputs {
  return {
    ...angleInputs(graph, rope),
    pad: graph.input('pad', 'int32', ['B', 'S']),
    unpad: graph.input('unpad', 'int32', ['T']),
    lastPositions: graph.input('lastPositions', 'int32', ['B']),
  };
}
