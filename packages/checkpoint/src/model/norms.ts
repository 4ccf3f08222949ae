import type { BlockNorms, StoredTensor } from '@moepress/core';
import { biasName, type Place, type TensorNames } from '../architectures/manifest.js';
import { type BuildContext, partsOf } from './build-context.js';
import { type NamedTensor, single } from './named-tensor.js';

/** The norms of a decoder layer. Throws what `TensorSource.take` throws. */
export function takeNorms(layer: number, context: BuildContext): BlockNorms {
  const { manifest, config, tensors } = context;
  const { tensors: names, norms: place, layerNorm } = manifest;
  const take = (name: string): StoredTensor => tensors.take(name, [config.decoder.hiddenSize], { layer });
  const { mixer, ffn } = partsOf(layer, context);
  const ofMixer = (name: string) => (mixer ? take(name) : null);
  const ofFfn = (name: string) => (ffn ? take(name) : null);
  // The FFN of a parallel layer takes what attention takes.
  if (place === 'parallel') {
    return { attention: mixer || ffn ? take(names.attentionNorm) : null, ffn: null, parallel: true };
  }
  const hasParts = manifest.ffnParts && ffn && config.ffn.moe[layer];
  return {
    attention: ofMixer(names.attentionNorm),
    ffn: hasParts ? null : ofFfn(names.ffnNorm),
    ...(layerNorm === 'biased' && {
      bias: { attention: ofMixer(biasName(names.attentionNorm)), ffn: ofFfn(biasName(names.ffnNorm)) },
    }),
    ...(place === 'after' && { place }),
    ...(place === 'both' && {
      after: { attention: ofMixer(names.attentionNormAfter), ffn: ofFfn(names.ffnNormAfter) },
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
