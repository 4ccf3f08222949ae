import {
  type GroupedQueryAttention,
  type LatentAttention,
  rows,
  type TensorExpr,
  transpose,
} from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import type { GgufTensor, ValueMap } from '../file/gguf-tensor.js';
import { linear, one, stack } from './named.js';
import { inOrder, linearInOrder } from './rotation-order.js';

/** Tensors of attention with grouped queries; `stem` is that of the layer. */
export function groupedTensors(
  attention: GroupedQueryAttention,
  stem: string,
  { rotates }: GgufArchitecture,
  norm: ValueMap | undefined,
): GgufTensor[] {
  const { q, k, v, o, qkNorm, sinks, gate, rope, heads, kvHeads, headDim, outputGate } = attention;
  const size = outputGate ? 2 * headDim : headDim;
  const normed = (name: string, of: TensorExpr, count: number) => {
    const own = qkNorm!.over === 'head' ? 1 : count;
    return one(name, inOrder(of, rope, { count: own, size: headDim }, rotates), norm);
  };
  return [
    ...linear(`${stem}.attn_q`, linearInOrder(q, rope, { count: heads, size }, rotates)),
    ...linear(`${stem}.attn_k`, linearInOrder(k, rope, { count: kvHeads, size: headDim }, rotates)),
    ...(v ? linear(`${stem}.attn_v`, v) : []),
    ...linear(`${stem}.attn_output`, o),
    ...(qkNorm?.q ? [normed(`${stem}.attn_q_norm.weight`, qkNorm.q, heads)] : []),
    ...(qkNorm?.k ? [normed(`${stem}.attn_k_norm.weight`, qkNorm.k, kvHeads)] : []),
    ...(sinks ? [one(`${stem}.attn_sinks.weight`, sinks)] : []),
    ...(gate ? linear(`${stem}.attn_gate`, gate) : []),
  ];
}

/**
 * Tensors of latent attention. What makes keys and values of the latent is split by head, and that of the keys is
 * transposed, so that queries are multiplied by it and the latent itself is what is attended to.
 */
export function latentTensors(
  { q, kvDown, kvUp, o, rope, heads, headDim, contentDim, valueDim }: LatentAttention,
  stem: string,
  { rotates }: GgufArchitecture,
): GgufTensor[] {
  const latent = kvDown.norm.shape[0]!;
  const queries = linearInOrder(q.up, rope, { count: heads, size: headDim, from: contentDim }, rotates);
  const down = linearInOrder(
    kvDown.linear,
    rope,
    { count: 1, size: latent + rope.dim, from: latent },
    rotates,
  );
  const ofHead = (head: number, from: number, size: number) =>
    rows(
      kvUp.weight,
      Array.from({ length: size }, (_, i) => head * (contentDim + valueDim) + from + i),
    );
  const each = Array.from({ length: heads }, (_, head) => head);
  return [
    ...(q.down
      ? [
          ...linear(`${stem}.attn_q_a`, q.down.linear),
          one(`${stem}.attn_q_a_norm.weight`, q.down.norm),
          ...linear(`${stem}.attn_q_b`, queries),
        ]
      : linear(`${stem}.attn_q`, queries)),
    ...linear(`${stem}.attn_kv_a_mqa`, down),
    one(`${stem}.attn_kv_a_norm.weight`, kvDown.norm),
    stack(
      `${stem}.attn_k_b.weight`,
      each.map((head) => transpose(ofHead(head, 0, contentDim))),
    ),
    stack(
      `${stem}.attn_v_b.weight`,
      each.map((head) => ofHead(head, contentDim, valueDim)),
    ),
    ...linear(`${stem}.attn_output`, o),
  ];
}
