import {
  type ArchitectureManifest,
  type DroppedParts,
  layerParts,
  type TensorNames,
} from '@moepress/checkpoint';
import { type Block, hasFfn, type Model, MoepressError } from '@moepress/core';

/** The parts that config.json tells of and layers have lost. */
export function droppedParts(
  { blocks }: Model,
  manifest: ArchitectureManifest,
  config: Readonly<Record<string, unknown>>,
): DroppedParts[] {
  const told = layerParts(config, manifest);
  return blocks.flatMap((block): DroppedParts[] => {
    const { mixer, ffn } = told[block.index]!;
    const parts = [
      ...(mixer && block.attention.kind === 'none' ? (['attention'] as const) : []),
      ...(ffn && !hasFfn(block) ? (['ffn'] as const) : []),
    ];
    if (parts.length === 0) return [];
    return [{ layer: block.index, parts, norms: goneNorms(block, parts, manifest) }];
  });
}

/** Names within the layer of the norms that went with its parts. */
function goneNorms(
  { norms }: Block,
  parts: DroppedParts['parts'],
  { norms: place, tensors: names, ffnParts }: ArchitectureManifest,
): string[] {
  const both = place === 'both';
  const ofAttention = [names.attentionNorm, ...(both ? [names.attentionNormAfter] : [])];
  const ofFfn = [
    ...(place === 'parallel' ? [] : [names.ffnNorm]),
    ...(both ? [names.ffnNormAfter] : []),
    ...(ffnParts ? Object.values(names.partNorms) : []),
  ];
  const gone = [
    ...(parts.includes('attention') && norms.attention === null ? ofAttention : []),
    ...(parts.includes('ffn') ? ofFfn : []),
    ...(parts.includes('ffn') && place === 'parallel' && norms.attention === null ? ofAttention : []),
  ];
  return [...new Set(gone.map(localName))];
}

/** `input_layernorm` of `model.layers.{layer}.input_layernorm.weight`. */
const localName = (template: TensorNames['attentionNorm']): string => template.split('.').at(-2)!;

/** Throws `CONFIG_UNSUPPORTED` if layers have lost parts, which only the record of the compact layout tells. */
export function checkWhole(dropped: readonly DroppedParts[], { id }: Model): void {
  if (dropped.length === 0) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `Layers ${dropped.map(({ layer }) => layer).join(', ')} have lost their attention or FFN, and config.json cannot say so.`,
    where: id,
    hint: 'Choose the layout compact.',
  });
}
