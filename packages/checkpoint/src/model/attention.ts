import type { GroupedQueryAttention, LatentAttention, LatentDown, Linear, TokenMixer } from '@moepress/core';
import type { LatentNames, TensorNames } from '../architectures/manifest.js';
import type { GroupedQueryConfig, LatentConfig } from '../config/attention-config.js';
import type { BuildContext } from './build-context.js';
import { buildIndexer, nameIndexer } from './indexer.js';
import { type NamedTensor, nameLinear, single } from './named-tensor.js';
import { buildRecurrence, nameRecurrence } from './recurrence.js';

/** Throws what `TensorSource.take` throws. */
export function buildAttention(layer: number, context: BuildContext): TokenMixer {
  const { attention, recurrence } = context.config;
  if (recurrence?.layers[layer]) return buildRecurrence(layer, recurrence, context);
  return attention.kind === 'mla'
    ? buildLatent(layer, attention, context)
    : buildGroupedQuery(layer, attention, context);
}

function buildGroupedQuery(
  layer: number,
  config: GroupedQueryConfig,
  context: BuildContext,
): GroupedQueryAttention {
  const { tensors, manifest } = context;
  const names = manifest.tensors;
  const { heads, scale, qkvBias, outputBias, valueScale } = config;
  const { kvHeads, headDim, valueDim, rope, sinks, ownValues } = config.layers[layer]!;
  const { hiddenSize } = context.config.decoder;
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const linear = linearsOf(layer, context);
  const unrotated = config.unrotated[layer]!;
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope,
    scale,
    q: linear(names.query, [config.outputGate ? 2 * queryWidth : queryWidth, hiddenSize], qkvBias),
    k: linear(names.key, [keyWidth, hiddenSize], qkvBias),
    v: ownValues ? linear(names.value, [kvHeads * valueDim, hiddenSize], qkvBias) : null,
    ...(valueDim !== headDim && { valueDim }),
    ...(valueScale !== 1 && { valueScale }),
    ...(config.valueNorm && { valueNorm: true }),
    o: linear(names.output, [hiddenSize, heads * valueDim], outputBias),
    qkNorm: takeQkNorm(layer, config, context),
    clip: config.clip,
    window: config.windows[layer]!,
    ...(config.chunked && config.windows[layer] !== null && { chunked: true }),
    ...(unrotated && { unrotated: true }),
    ...(unrotated && config.queryScaling && { queryScaling: config.queryScaling }),
    ...(config.outputGate && { outputGate: true }),
    ...(config.gate && { gate: linear(names.gate, [heads * valueDim, hiddenSize], false) }),
    sinks: sinks ? tensors.take(names.sinks, [heads], { layer }) : null,
  };
}

function takeQkNorm(
  layer: number,
  { heads, qkNorm, normedAfterRotation, layers, unrotated }: GroupedQueryConfig,
  { tensors, manifest }: BuildContext,
): GroupedQueryAttention['qkNorm'] {
  const after = normedAfterRotation && { afterRotation: true };
  if (qkNorm === null || (qkNorm === 'weightless' && unrotated[layer])) return null;
  if (qkNorm === 'weightless') return { over: 'head', ...after, q: null, k: null };
  const { headDim, kvHeads } = layers[layer]!;
  const [q, k] = qkNorm === 'head' ? [1, 1] : [heads, kvHeads];
  return {
    over: qkNorm,
    ...after,
    q: tensors.take(manifest.tensors.queryNorm, [q * headDim], { layer }),
    k: tensors.take(manifest.tensors.keyNorm, [k * headDim], { layer }),
  };
}

/** What DeepSeek's code and transformers leave the norms of latents at. */
const latentEpsilon = 1e-6;

function buildLatent(layer: number, config: LatentConfig, context: BuildContext): LatentAttention {
  const { tensors, manifest } = context;
  const { latent: names, query, output } = manifest.tensors;
  const { hiddenSize } = context.config.decoder;
  const { heads, kvHeads, headDim, rope, scale, bias, queryLatent, latent, contentDim, valueDim } = config;
  const linear = linearsOf(layer, context);
  const down = (stem: string, norm: string, width: number, extra: number): LatentDown => ({
    linear: linear(stem, [width + extra, hiddenSize], bias),
    norm: tensors.take(norm, [width], { layer }),
    epsilon: latentEpsilon,
  });
  const queryWidth = heads * headDim;
  return {
    kind: 'mla',
    heads,
    kvHeads,
    headDim,
    rope,
    scale,
    ...(config.queryScaling && { queryScaling: config.queryScaling }),
    contentDim,
    valueDim,
    ...(config.unrotated && { unrotated: true }),
    q:
      queryLatent === null
        ? { down: null, up: linear(query, [queryWidth, hiddenSize], false) }
        : {
            down: down(names.queryDown, names.queryDownNorm, queryLatent, 0),
            up: linear(names.queryUp, [queryWidth, queryLatent], false),
          },
    kvDown: down(names.keyValueDown, names.keyValueDownNorm, latent, rope.dim),
    kvUp: linear(names.keyValueUp, [heads * (contentDim + valueDim), latent], false),
    o: linear(output, [hiddenSize, heads * valueDim], bias),
    ...(config.indexer && { indexer: buildIndexer(layer, config.indexer, context) }),
  };
}

/** Takes linear layers of a decoder layer by their stems. */
function linearsOf(layer: number, { tensors }: BuildContext) {
  return (stem: string, shape: readonly [out: number, width: number], biased: boolean): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, shape, { layer }),
    bias: biased ? tensors.take(`${stem}.bias`, [shape[0]], { layer }) : null,
  });
}

/** What `buildAttention` takes, under the names it takes it by. */
export function nameAttention(attention: TokenMixer, names: TensorNames, layer: number): NamedTensor[] {
  if (attention.kind === 'gqa') return nameGrouped(attention, names, layer);
  return attention.kind === 'mla'
    ? nameLatent(attention, names, layer)
    : nameRecurrence(attention, names, layer);
}

function nameGrouped(
  { q, k, v, o, gate, qkNorm, sinks }: GroupedQueryAttention,
  names: TensorNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  return [
    ...nameLinear(names.query, q, at),
    ...nameLinear(names.key, k, at),
    ...(v ? nameLinear(names.value, v, at) : []),
    ...nameLinear(names.output, o, at),
    ...(gate ? nameLinear(names.gate, gate, at) : []),
    ...(qkNorm?.q ? [single(names.queryNorm, qkNorm.q, at)] : []),
    ...(qkNorm?.k ? [single(names.keyNorm, qkNorm.k, at)] : []),
    ...(sinks ? [single(names.sinks, sinks, at)] : []),
  ];
}

function nameLatent(
  { q, kvDown, kvUp, o, indexer }: LatentAttention,
  { latent, query, output, indexer: indexerNames }: TensorNames,
  layer: number,
): NamedTensor[] {
  const at = { layer };
  const down = (part: 'queryDown' | 'keyValueDown', { linear, norm }: LatentDown) => [
    ...nameLinear(latent[part], linear, at),
    single(latent[`${part}Norm` satisfies keyof LatentNames], norm, at),
  ];
  return [
    ...(q.down ? down('queryDown', q.down) : []),
    ...nameLinear(q.down ? latent.queryUp : query, q.up, at),
    ...down('keyValueDown', kvDown),
    ...nameLinear(latent.keyValueUp, kvUp, at),
    ...nameLinear(output, o, at),
    ...(indexer?.kind === 'own' ? nameIndexer(indexer, indexerNames, layer) : []),
  ];
}
