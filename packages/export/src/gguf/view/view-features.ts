import { type Model, moeBlocks } from '@moepress/core';
import type { Feature } from '../architectures/feature-texts.js';
import { attentionFeatures } from './attention-features.js';
import { ffnFeatures } from './ffn-features.js';

/** All that a view computes beyond RMS norm, plain attention and SwiGLU. */
export function viewFeatures(model: Model): Set<Feature> {
  const features = new Set<Feature>([...attentionFeatures(model), ...ffnFeatures(model)]);
  for (const feature of normFeatures(model)) features.add(feature);
  for (const feature of headFeatures(model)) features.add(feature);
  return features;
}

function* normFeatures({ blocks, config, finalNormBias }: Model): Generator<Feature> {
  if (config.layerNorm) yield 'layer-norms';
  if (finalNormBias) yield 'norm-bias';
  for (const { norms, outputScale } of blocks) {
    if (norms.place === 'after') yield 'norms-after';
    if (norms.after) yield 'norms-both';
    if (norms.parallel) yield 'parallel';
    if (norms.parts) yield 'part-norms';
    if (norms.bias) yield 'norm-bias';
    if (outputScale) yield 'output-scale';
  }
}

function* headFeatures({ config, headBias }: Model): Generator<Feature> {
  const { multipliers, logitCap } = config;
  const embedding = multipliers?.embedding ?? 1;
  const isRoot = Math.abs(embedding / Math.sqrt(config.hiddenSize) - 1) < 1e-6;
  if (embedding !== 1) yield isRoot ? 'embedding-root' : 'embedding-factor';
  if (multipliers && multipliers.residual !== 1) yield 'residual-factor';
  if (multipliers && multipliers.logits !== 1) yield 'logit-factor';
  if (logitCap !== undefined) yield 'logit-cap';
  if (headBias) yield 'head-bias';
}

/** Whether layers with experts have different numbers of slots, or select different numbers of them. */
export const hasRaggedCounts = (model: Model): boolean =>
  new Set(moeBlocks(model).map(({ ffn: { slots, router } }) => `${slots.length} ${router.topK}`)).size > 1;
