import {
  type ArchitectureManifest,
  exprEntry,
  type MlpNames,
  type TensorEntry,
  type TensorNames,
  tensorName,
} from '@moepress/checkpoint';
import type { Attention, Block, Expert, Linear, Mlp, Model } from '@moepress/core';
import type { Placement } from './placement.js';

/** Every tensor of a model under the name its family gives it, layer by layer. */
export function nameTensors(
  model: Model,
  { tensors: names }: ArchitectureManifest,
  { experts }: Placement,
): TensorEntry[] {
  return [
    exprEntry(names.embed, model.embed),
    ...model.blocks.flatMap((block) => [
      ...blockEntries(block, names),
      ...expertEntries(experts.get(block.index) ?? [], names, block.index),
    ]),
    exprEntry(names.finalNorm, model.finalNorm),
    ...(model.config.tiedEmbeddings ? [] : [exprEntry(names.head, model.head)]),
  ];
}

function blockEntries(block: Block, names: TensorNames): TensorEntry[] {
  const layer = block.index;
  return [
    exprEntry(tensorName(names.attentionNorm, { layer }), block.norms.attention),
    ...attentionEntries(block.attention, names, layer),
    exprEntry(tensorName(names.ffnNorm, { layer }), block.norms.ffn),
    ...ffnEntries(block, names),
  ];
}

function attentionEntries(
  { q, k, v, o, qkNorm }: Attention,
  names: TensorNames,
  layer: number,
): TensorEntry[] {
  const entries = [
    ...linearEntries(names.query, q, layer),
    ...linearEntries(names.key, k, layer),
    ...linearEntries(names.value, v, layer),
    ...linearEntries(names.output, o, layer),
  ];
  if (qkNorm === null) return entries;
  return [
    ...entries,
    exprEntry(tensorName(names.queryNorm, { layer }), qkNorm.q),
    exprEntry(tensorName(names.keyNorm, { layer }), qkNorm.k),
  ];
}

function linearEntries(stem: string, { weight, bias }: Linear, layer: number): TensorEntry[] {
  const entry = exprEntry(tensorName(`${stem}.weight`, { layer }), weight);
  return bias ? [entry, exprEntry(tensorName(`${stem}.bias`, { layer }), bias)] : [entry];
}

/** The FFN but for its routed experts. */
function ffnEntries({ index: layer, ffn }: Block, names: TensorNames): TensorEntry[] {
  if (ffn.kind === 'dense') return mlpEntries(names.dense, ffn.mlp, { layer });
  const { router, shared } = ffn;
  return [
    exprEntry(tensorName(names.router, { layer }), router.weight),
    ...(shared ? mlpEntries(names.shared, shared.mlp, { layer }) : []),
    ...(shared?.gate ? [exprEntry(tensorName(names.sharedGate, { layer }), shared.gate)] : []),
  ];
}

function expertEntries(experts: readonly Expert[], names: TensorNames, layer: number): TensorEntry[] {
  return experts.flatMap((expert, number) => mlpEntries(names.expert, expert, { layer, expert: number }));
}

function mlpEntries(
  names: MlpNames,
  { gate, up, down }: Mlp,
  at: { readonly layer: number; readonly expert?: number },
): TensorEntry[] {
  return [
    exprEntry(tensorName(names.gate, at), gate),
    exprEntry(tensorName(names.up, at), up),
    exprEntry(tensorName(names.down, at), down),
  ];
}
