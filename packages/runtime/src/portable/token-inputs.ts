import type { GraphDType, Value } from '@moepress/core';
import {
  add,
  and,
  cast,
  concat,
  type GraphBuilder,
  greater,
  plusNumber,
  range,
  reduceMax,
  reshape,
  shapeOf,
  sizeOf,
  sliceDynamic,
  squeeze,
  sub,
  unsqueeze,
  where,
} from '@moepress/graph';
import { bothOf, isNear, outOfReach } from '../decoder/attention/masks.js';
import { type Reach, reachKey } from '../tokens/reach.js';

/** Names of the sizes that differ from run to run: B, S and P + S. */
export const sizes = {
  batch: 'batch_size',
  tokens: 'sequence_length',
  past: 'past_sequence_length',
  total: 'total_sequence_length',
} as const;

/**
 * The tokens of B sequences, S of each after P that are in caches; those of no sequence are marked in `attention_mask`, 0
 * among ones, wherever they stand.
 */
export interface TokenInputs {
  /** int64 [T], T = B S */
  readonly ids: Value;
  /** The sizes B and S, int64 [2]. */
  readonly sizes: Value;
  /** How far the tokens are from the beginning of their sequences, int64 [B, S]. */
  readonly positions: Value;
  /** Tokens of each sequence up to the last of these, int64 [B, 1]. */
  readonly lengths: Value;
  /** int64 [1, T]: 0, 1, 2, .. */
  readonly order: Value;
  /** Which places of these tokens hold one, bool [B, S]. */
  readonly isToken: Value;
  /** 0 where a token sees another, a very low number elsewhere, [B, 1, 1, S, P + S]. */
  mask(reach: Reach): Value;
}

/** Declares `input_ids`, `attention_mask` and `position_ids` as transformers.js and ONNX Runtime GenAI feed them. */
export function tokenInputs(graph: GraphBuilder): TokenInputs {
  const own = [sizes.batch, sizes.tokens];
  const input = (name: string, shape: readonly string[]) => graph.input(name, 'int64' as GraphDType, shape);
  const ids = input('input_ids', own);
  const attended = input('attention_mask', [sizes.batch, sizes.total]);
  const positions = input('position_ids', own);
  const flat = reshape(ids, [-1], ['T']);
  const [total, count] = [sizeOf(attended, 1), sizeOf(ids, 1)];
  const newest = sliceDynamic(attended, 1, { from: sub(total, count), to: total, count: sizes.tokens });
  const masks = new Map<string, Value>();
  return {
    ids: flat,
    sizes: shapeOf(ids),
    isToken: greater(newest, graph.constant([0], [], 'int64')),
    positions,
    lengths: plusNumber(reduceMax(positions, [1], true), 1),
    order: unsqueeze(range(graph, squeeze(sizeOf(flat, 0), 0), 'T'), 0),
    mask(reach) {
      const known = masks.get(reachKey(reach)) ?? maskOf({ attended, positions }, reach);
      masks.set(reachKey(reach), known);
      return known;
    },
  };
}

function maskOf(
  { attended, positions }: { readonly attended: Value; readonly positions: Value },
  reach: Reach,
): Value {
  const { graph } = attended;
  const [asking, all] = [squeeze(sizeOf(positions, 1), 0), squeeze(sizeOf(attended, 1), 0)];
  const places = range(graph, all, sizes.total);
  const own = add(range(graph, asking, sizes.tokens), sub(all, asking));
  const before = greater(unsqueeze(plusNumber(own, 1), 1), unsqueeze(places, 0));
  const isToken = unsqueeze(greater(attended, graph.constant([0], [], 'int64')), 1);
  const near = isNear(keyPositions(attended), unsqueeze(positions, 2), reach);
  const visible = bothOf(and(isToken, before), near);
  const [nothing, low] = [0, outOfReach].map((number) => graph.constant([number], [], 'float32'));
  return unsqueeze(unsqueeze(where(visible, nothing!, low!), 1), 1);
}

/** How far what each place holds is from the beginning of its sequence, int64 [B, 1, P + S]. */
function keyPositions(attended: Value): Value {
  const axis = attended.graph.constant([1], [], 'int64');
  const counted = attended.graph.op('CumSum', [attended, axis], { shape: attended.shape });
  return unsqueeze(plusNumber(counted, -1), 1);
}

/** Numbers of tokens [T, n] by sequence, [B, S, n]. */
export function bySequence(x: Value, tokens: TokenInputs): Value {
  const width = Number(x.shape[1]);
  const target = concat([tokens.sizes, x.graph.constant([width], [1], 'int64')], 0);
  return x.graph.op('Reshape', [x, target], { shape: [sizes.batch, sizes.tokens, width] });
}

/** A number for each token, [B, S], in fp32 as a column [T, 1]. */
export const asColumn = (x: Value): Value => reshape(cast(x, 'float32'), [-1, 1], ['T', 1]);
