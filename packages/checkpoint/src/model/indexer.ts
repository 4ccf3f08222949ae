import type { Indexer, Linear, SharedIndexer } from '@moepress/core';
import type { IndexerNames } from '../architectures/manifest.js';
import type { IndexerConfig } from '../config/indexer-config.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';

/** What transformers leaves the layer norm of the keys at. */
const keyEpsilon = 1e-6;

/** The indexer of a layer's latent attention. Throws what `TensorSource.take` throws. */
export function buildIndexer(
  layer: number,
  { heads, dim, topK, pairing, own }: IndexerConfig,
  { tensors, manifest, config }: BuildContext,
): Indexer | SharedIndexer {
  if (!own[layer]) return { kind: 'shared', topK };
  const { query, key, keyNorm, weights } = manifest.tensors.indexer;
  const { hiddenSize } = config.decoder;
  const { attention } = config;
  // Families have indexers only where queries have a latent, see `readIndexer`.
  const latent = attention.kind === 'mla' ? attention.queryLatent! : hiddenSize;
  const linear = (stem: string, shape: readonly [number, number]): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, shape, { layer }),
    bias: null,
  });
  return {
    kind: 'own',
    topK,
    heads,
    dim,
    pairing,
    query: linear(query, [heads * dim, latent]),
    key: linear(key, [dim, hiddenSize]),
    keyNorm: {
      weight: tensors.take(`${keyNorm}.weight`, [dim], { layer }),
      bias: tensors.take(`${keyNorm}.bias`, [dim], { layer }),
      epsilon: keyEpsilon,
    },
    weights: linear(weights, [heads, hiddenSize]),
  };
}

/** What `buildIndexer` takes, under the names it takes it by. */
export function nameIndexer(
  { query, key, keyNorm, weights }: Indexer,
  names: IndexerNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.query, query, at),
    ...nameLinear(names.key, key, at),
    single(`${names.keyNorm}.weight`, keyNorm.weight, at),
    single(`${names.keyNorm}.bias`, keyNorm.bias, at),
    ...nameLinear(names.weights, weights, at),
  ];
}
