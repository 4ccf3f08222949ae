import type { Attention, GroupedQueryAttention, LatentAttention, LatentDown, Linear } from '@moepress/core';
import type { GroupedQueryConfig, LatentConfig } from '../config/attention-config.js';
import type { Parts } from './build-context.js';

/** Throws what `TensorSource.take` throws. */
export function buildAttention(layer: number, parts: Parts): Attention {
  const { attention } = parts.config;
  return attention.kind === 'mla'
    ? buildLatent(layer, attention, parts)
    : buildGroupedQuery(layer, attention, parts);
}

function buildGroupedQuery(layer: number, config: GroupedQueryConfig, parts: Parts): GroupedQueryAttention {
  const { tensors, manifest } = parts;
  const names = manifest.tensors;
  const { heads, kvHeads, headDim, rope, scale, qkvBias, outputBias, qkNorm } = config;
  const { hiddenSize } = parts.config.decoder;
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const linear = linearsOf(layer, parts);
  const normWidths = qkNorm === 'head' ? [headDim, headDim] : [queryWidth, keyWidth];
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope,
    scale,
    q: linear(names.query, [queryWidth, hiddenSize], qkvBias),
    k: linear(names.key, [keyWidth, hiddenSize], qkvBias),
    v: linear(names.value, [keyWidth, hiddenSize], qkvBias),
    o: linear(names.output, [hiddenSize, queryWidth], outputBias),
    qkNorm: qkNorm && {
      over: qkNorm,
      q: tensors.take(names.queryNorm, [normWidths[0]!], { layer }),
      k: tensors.take(names.keyNorm, [normWidths[1]!], { layer }),
    },
    clip: config.clip,
    window: config.windows[layer]!,
    sinks: config.sinks ? tensors.take(names.sinks, [heads], { layer }) : null,
  };
}

/** What DeepSeek's code and transformers leave the norms of latents at. */
const latentEpsilon = 1e-6;

function buildLatent(layer: number, config: LatentConfig, parts: Parts): LatentAttention {
  const { tensors, manifest } = parts;
  const { latent: names, query, output } = manifest.tensors;
  const { hiddenSize } = parts.config.decoder;
  const { heads, kvHeads, headDim, rope, scale, bias, queryLatent, latent, contentDim, valueDim } = config;
  const linear = linearsOf(layer, parts);
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
    contentDim,
    valueDim,
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
  };
}

/** Takes linear layers of a decoder layer by their stems. */
function linearsOf(layer: number, { tensors }: Parts) {
  return (stem: string, shape: readonly [out: number, width: number], biased: boolean): Linear => ({
    weight: tensors.matrix(`${stem}.weight`, shape, { layer }),
    bias: biased ? tensors.take(`${stem}.bias`, [shape[0]], { layer }) : null,
  });
}
