import { type ArchitectureManifest, type TensorNames, tensorName } from '@moepress/checkpoint';
import type { Block, Model, Router } from '@moepress/core';
import { nameAttention } from './attention.js';
import type { Arrangement } from './layout.js';
import { type NamedTensor, nameLinear, nameMlp, single } from './named.js';

/** Every tensor of a model under the name its family gives it, layer by layer. */
export function nameTensors(
  model: Model,
  { tensors: names }: ArchitectureManifest,
  { experts }: Arrangement,
): NamedTensor[] {
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
  if (ffn.kind === 'dense') return nameMlp(names.dense, ffn.mlp, { layer });
  const { router, shared } = ffn;
  return [
    ...nameRouter(router, names, layer),
    ...(shared ? nameMlp(names.shared, shared.mlp, { layer }) : []),
    ...(shared?.gate ? [single(tensorName(names.sharedGate, { layer }), shared.gate)] : []),
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
