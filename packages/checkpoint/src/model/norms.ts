import type { BlockNorms, StoredTensor } from '@moepress/core';
import { biasName, type Place, type TensorNames } from '../architectures/manifest.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, single } from './named-tensor.js';

/** The norms of a decoder layer. Throws what `TensorSource.take` throws. */
export function takeNorms(layer: number, { manifest, config, tensors }: BuildContext): BlockNorms {
  const { tensors: names, norms: place, layerNorm } = manifest;
  const take = (name: string): StoredTensor => tensors.take(name, [config.decoder.hiddenSize], { layer });
  const { mixer, ffn } = config.parts[layer]!;
  const attention = mixer ? take(names.attentionNorm) : null;
  if (place === 'parallel') return { attention, ffn: null, parallel: true };
  const hasParts = manifest.ffnParts && config.ffn.moe[layer];
  return {
    attention,
    ffn: hasParts || !ffn ? null : take(names.ffnNorm),
    ...(layerNorm === 'biased' && {
      bias: { attention: take(biasName(names.attentionNorm)), ffn: take(biasName(names.ffnNorm)) },
    }),
    ...(place === 'after' && { place }),
    ...(place === 'both' && {
      after: { attention: take(names.attentionNormAfter), ffn: take(names.ffnNormAfter) },
    }),
    ...(hasParts && {
      parts: {
        experts: { before: take(names.partNorms.before), after: take(names.partNorms.after) },
        shared: { before: take(names.ffnNorm), after: take(names.partNorms.sharedAfter) },
      },
    }),
  };
}

/** What `takeNorms` takes, under the names it takes it by. */
export function nameNorms(
  { attention, ffn, bias, after, parts }: BlockNorms,
  names: TensorNames,
  at: Place,
): NamedTensor[] {
  const all = [
    [names.attentionNorm, attention],
    [biasName(names.attentionNorm), bias?.attention],
    [names.ffnNorm, ffn],
    [biasName(names.ffnNorm), bias?.ffn],
    [names.attentionNormAfter, after?.attention],
    [names.ffnNormAfter, after?.ffn],
    [names.partNorms.before, parts?.experts.before],
    [names.partNorms.after, parts?.experts.after],
    [names.ffnNorm, parts?.shared.before],
    [names.partNorms.sharedAfter, parts?.shared.after],
  ] as const;
  return all.flatMap(([name, tensor]) => (tensor ? [single(name, tensor, at)] : []));
}
