import type { Attention, Rope, Value } from '@moepress/core';
import {
  add,
  and,
  cast,
  concat,
  gather,
  greater,
  matmul,
  mul,
  plusNumber,
  reshape,
  rotary,
  scaledProduct,
  sizeOf,
  slice,
  sliceDynamic,
  softmax,
  squeeze,
  transpose,
  unsqueeze,
  where,
} from '@moepress/graph';
import type { TreeInputs } from '../inputs.js';
import type { NormOptions } from '../norm.js';
import { weightFor } from '../weights.js';
import { shareBesideSinks } from './differentiable.js';
import { headsOf, valueDimOf, windowAndSinks } from './heads.js';
import { type Asking, projectHeads, viewAs } from './projections.js';

/** Keys [kvHeads, n, D] and values [kvHeads, n, V] of n tokens, rotated and normalised. */
export interface HeadRows {
  readonly key: Value;
  readonly value: Value;
}

/** Far below any score, but finite, so that a query without a key does not become NaN. */
const outOfReach = -1e30;

/**
 * x [T, H] to [T, H], or to [R, H] where only some rows are to come out, for tokens that lie as a tree (`Layout`) behind those of `prefix`, which all of them see. Some
 * queries at a time are multiplied with the keys that any of them sees: no product is spent on padding, on
 * sequences that are strangers to each other, nor twice on what several sequences share.
 */
export function treeAttention(
  x: Value,
  spec: Attention,
  {
    tokens,
    prefix,
    norms,
  }: { readonly tokens: TreeInputs; readonly prefix: HeadRows | null; readonly norms: NormOptions },
): { output: Value; own: HeadRows } {
  const { heads, kvHeads, headDim, scale, rope } = spec;
  const { graph } = x;
  const [group, valueDim] = [heads / kvHeads, valueDimOf(spec)];
  const { window, sinks } = windowAndSinks(spec);
  const rotate = (part: Value) => rotary(part, tokens, rope.pairing);
  const asking = tokens.rows ? askingRows(x, tokens, tokens.rows, rope.pairing) : { x, rotate };
  const { query, key, value, gate } = headsOf(x, spec, { rotate, norms, asking });
  const queries = transpose(viewAs(query, [kvHeads, group, headDim]), [1, 2, 0, 3]);
  const own = {
    key: transpose(viewAs(key, [kvHeads, headDim]), [1, 0, 2]),
    value: transpose(viewAs(value, [kvHeads, valueDim]), [1, 0, 2]),
  };
  // The heads of a group share keys and values.
  const ofGroup = (part: Value, before: Value | undefined) =>
    unsqueeze(before ? concat([before, part], 1) : part, 1);
  const [keys, values] = [ofGroup(own.key, prefix?.key), ofGroup(own.value, prefix?.value)];
  const logits = sinks && weightFor(x, sinks);
  const width = heads * valueDim;

  const attend = (tile: Value): Value => {
    const [asked, span] = [gather(tokens.queries, tile), gather(tokens.spans, tile)];
    const rows = tokens.rows ? gather(tokens.rows, asked) : asked;
    const seen = sliceDynamic(tokens.keys, 0, {
      from: slice(span, 0, 0, 1),
      to: slice(span, 0, 1, 2),
      count: 'K',
    });
    // [kvHeads, group, Q, D] with [kvHeads, 1, K, D]
    const products = scaledProduct(gather(queries, asked, 2), gather(keys, seen, 2), scale);
    const scores = add(products, maskOf(tokens, rows, seen, window));
    const shares = logits ? mul(softmax(scores), shareBesideSinks(scores, logits)) : softmax(scores);
    const attended = matmul(shares, gather(values, seen, 2));
    return reshape(transpose(attended, [2, 0, 1, 3]), [-1, width], ['Q', width]);
  };
  const [tiles] = graph.repeat(squeeze(sizeOf(tokens.spans, 0), 0), (tile) => [attend(tile)], 'N');
  const all = reshape(tiles!, [-1, width], ['N*Q', width]);
  const packed = sliceDynamic(all, 0, {
    from: graph.constant([0], [1], 'int64'),
    to: sizeOf(asking.x, 0),
    count: asking.x.shape[0]!,
  });
  return { output: projectHeads(packed, gate, spec.o), own };
}

function askingRows(x: Value, { cos, sin }: TreeInputs, rows: Value, pairing: Rope['pairing']): Asking {
  const angles = { cos, sin, order: unsqueeze(cast(rows, 'int64'), 0) };
  return { x: gather(x, rows), rotate: (part) => rotary(part, angles, pairing) };
}

/** 0 where a query sees a key, a very low number elsewhere: [Q, K]. */
function maskOf(tokens: TreeInputs, rows: Value, seen: Value, window: number | null): Value {
  const ofQueries = (all: Value) => unsqueeze(gather(all, rows), 1);
  const ofKeys = (all: Value) => unsqueeze(gather(all, seen), 0);
  const row = unsqueeze(rows, 1);
  // ONNX has no "at least" for integers, so the lower bound is one less.
  const descends = and(greater(row, ofKeys(tokens.before)), greater(ofKeys(tokens.ends), row));
  const near = () => greater(plusNumber(ofKeys(tokens.keyPositions), window!), ofQueries(tokens.positions));
  const visible = window === null ? descends : and(descends, near());
  const [nothing, low] = [0, outOfReach].map((number) => rows.graph.constant([number], [], 'float32'));
  return where(visible, nothing!, low!);
}
