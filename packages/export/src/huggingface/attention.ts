import { type LatentNames, type TensorNames, tensorName } from '@moepress/checkpoint';
import type { Attention, GroupedQueryAttention, LatentAttention, LatentDown } from '@moepress/core';
import { type NamedTensor, nameLinear, single } from './named.js';

/** The tensors of a layer's attention. */
export function nameAttention(attention: Attention, names: TensorNames, layer: number): NamedTensor[] {
  return attention.kind === 'mla'
    ? nameLatent(attention, names, layer)
    : nameGrouped(attention, names, layer);
}

function nameGrouped(
  { q, k, v, o, qkNorm, sinks }: GroupedQueryAttention,
  names: TensorNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.query, q, layer),
    ...nameLinear(names.key, k, layer),
    ...nameLinear(names.value, v, layer),
    ...nameLinear(names.output, o, layer),
    ...(qkNorm
      ? [single(tensorName(names.queryNorm, at), qkNorm.q), single(tensorName(names.keyNorm, at), qkNorm.k)]
      : []),
    ...(sinks ? [single(tensorName(names.sinks, at), sinks)] : []),
  ];
}

function nameLatent(
  { q, kvDown, kvUp, o }: LatentAttention,
  { latent, query, output }: TensorNames,
  layer: number,
): NamedTensor[] {
  const down = (part: 'queryDown' | 'keyValueDown', { linear, norm }: LatentDown) => [
    ...nameLinear(latent[part], linear, layer),
    single(tensorName(latent[`${part}Norm` satisfies keyof LatentNames], { layer }), norm),
  ];
  return [
    ...(q.down ? down('queryDown', q.down) : []),
    ...nameLinear(q.down ? latent.queryUp : query, q.up, layer),
    ...down('keyValueDown', kvDown),
    ...nameLinear(latent.keyValueUp, kvUp, layer),
    ...nameLinear(output, o, layer),
  ];
}
