import { type TensorNames, tensorName } from '@moepress/checkpoint';
import type { Block, DenseFfn, Router, SharedExpert } from '@moepress/core';
import { nameAttention } from './attention.js';
import { nameOwnWidth } from './experts.js';
import type { Arrangement } from './layout.js';
import { type NamedTensor, nameLinear, nameMlp, single } from './named.js';

/** Every tensor of a model under the name its family gives it, layer by layer. */
export function nameTensors({ model, manifest, experts }: Arrangement): NamedTensor[] {
  const names = manifest.tensors;
  return [
    single(names.embed, model.embed),
    ...model.blocks.flatMap((block) => [...nameBlock(block, names), ...(experts.get(block.index) ?? [])]),
    single(names.finalNorm, model.finalNorm),
    ...(model.config.tiedEmbeddings ? [] : [single(names.head, model.head)]),
  ];
}

function nameBlock(block: Block, names: TensorNames): NamedTensor[] {
  const layer = block.index;
  return [
    single(tensorName(names.attentionNorm, { layer }), block.norms.attention),
    ...nameAttention(block.attention, names, layer),
    single(tensorName(names.ffnNorm, { layer }), block.norms.ffn),
    ...nameFfn(block, names),
  ];
}

/** The FFN but for its routed experts. */
function nameFfn({ index: layer, ffn }: Block, names: TensorNames): NamedTensor[] {
  const own = ffn.kind === 'dense' ? nameDense(ffn, names, layer) : nameRouter(ffn.router, names, layer);
  return [...own, ...(ffn.shared ? nameShared(ffn.shared, names, layer) : [])];
}

function nameDense({ mlp }: DenseFfn, { dense }: TensorNames, layer: number): NamedTensor[] {
  return nameOwnWidth(dense, mlp, { layer });
}

function nameShared({ mlp, gate }: SharedExpert, names: TensorNames, layer: number): NamedTensor[] {
  return [
    ...nameMlp(names.shared, mlp, { layer }),
    ...(gate ? [single(tensorName(names.sharedGate, { layer }), gate)] : []),
  ];
}

function nameRouter(
  { weight, bias, selectionBias }: Router,
  names: TensorNames,
  layer: number,
): NamedTensor[] {
  return [
    ...nameLinear(names.router, { weight, bias }, layer),
    ...(selectionBias ? [single(tensorName(names.selectionBias, { layer }), selectionBias)] : []),
  ];
}
