import type { Attention, Value } from '@moepress/core';
import { gather, padEnd, reshape, rotary, slice } from '@moepress/graph';
import { reachOf } from '../../tokens/reach.js';
import type { PaddedInputs } from '../inputs.js';
import type { NormOptions } from '../norm.js';
import { weightFor } from '../weights.js';
import { headsOf, paddedDimOf, sinksOf } from './heads.js';
import { plainAttention } from './plain.js';
import { type AttentionValues, gatedHeads, project, viewAs } from './projections.js';
import { valueDimOf } from './value-dim.js';

/** Keys and values: of earlier tokens [B, kvHeads, past, D], of the batch's own [B, S, kvHeads * D]. */
export interface KeyValues {
  readonly key: Value;
  readonly value: Value;
}

/**
 * x [T, H] to [T, H]. Projections run on the packed tokens; only the attention product itself sees
 * the padded [B, S] layout, so padding costs no matrix product.
 */
export function paddedAttention(
  x: Value,
  spec: Attention,
  {
    batch,
    past,
    norms,
  }: { readonly batch: PaddedInputs; readonly past: KeyValues | null; readonly norms: NormOptions },
): AttentionValues<KeyValues> {
  const { heads, kvHeads, scale, rope } = spec;
  const rotate = (part: Value) => rotary(part, batch, rope.pairing);
  const { query, key, value, gate } = headsOf(x, spec, { rotate, norms });
  const sinks = sinksOf(spec);
  const dim = paddedDimOf(spec);
  // Padding repeats some row and is never read.
  const padded = (part: Value, count: number) => gather(widened(part, count, dim), batch.pad);
  const own = { key: padded(key, kvHeads), value: padded(value, kvHeads) };
  const attended = plainAttention({
    query: padded(query, heads),
    ...own,
    past,
    lastPositions: batch.lastPositions,
    heads,
    kvHeads,
    scale,
    ...reachOf(spec),
    sinks: sinks && weightFor(x, sinks),
  });
  const width = heads * dim;
  const packed = gather(reshape(attended, [-1, width], ['B*S', width]), batch.unpad);
  const gated = gatedHeads(narrowed(packed, heads, valueDimOf(spec)), gate);
  return { output: project(gated, spec.o), heads: gated, own };
}

/** Each head of x [T, heads * D] with zeros up to `dim`, which add nothing to a product. */
function widened(x: Value, heads: number, dim: number): Value {
  const width = Number(x.shape[1]);
  if (width === heads * dim) return x;
  return viewAs(padEnd(viewAs(x, [heads, width / heads]), 2, dim), [heads * dim]);
}

/** The first `dim` numbers of each head. */
function narrowed(x: Value, heads: number, dim: number): Value {
  const width = Number(x.shape[1]);
  if (width === heads * dim) return x;
  return viewAs(slice(viewAs(x, [heads, width / heads]), 2, 0, dim), [heads * dim]);
}
