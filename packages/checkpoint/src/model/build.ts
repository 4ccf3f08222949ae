import type { Attention, Block, DenseFfn, Expert, Linear, Mlp, MoeFfn, SharedExpert } from '@moepress/core';
import type { ArchitectureManifest, MlpNames } from '../architectures/manifest.js';
import { type FamilyConfig, isMoeLayer } from '../config/family.js';
import type { CompactRecord } from './compact.js';
import { compactExperts, stockExperts } from './experts.js';
import type { TensorSource } from './tensors.js';

/** What the blocks of a model are built from. */
export interface Parts {
  readonly manifest: ArchitectureManifest;
  readonly config: FamilyConfig;
  readonly tensors: TensorSource;
  readonly compact: CompactRecord | null;
}

/** One decoder layer. Throws what `TensorSource.take` throws. */
export function buildBlock(layer: number, parts: Parts): Block {
  const { manifest, config, tensors } = parts;
  const { attentionNorm, ffnNorm } = manifest.tensors;
  const { hiddenSize } = config.decoder;
  return {
    index: layer,
    attention: buildAttention(layer, parts),
    ffn: isMoeLayer(layer, config) ? buildMoe(layer, parts) : buildDense(layer, parts),
    norms: {
      attention: tensors.take(attentionNorm, [hiddenSize], { layer }),
      ffn: tensors.take(ffnNorm, [hiddenSize], { layer }),
    },
  };
}

function buildAttention(layer: number, { manifest, config, tensors }: Parts): Attention {
  const { tensors: names, attention } = manifest;
  const { hiddenSize, heads, kvHeads, headDim, rope } = config.decoder;
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const linear = (stem: string, out: number, width: number, biased: boolean): Linear => ({
    weight: tensors.take(`${stem}.weight`, [out, width], { layer }),
    bias: biased ? tensors.take(`${stem}.bias`, [out], { layer }) : null,
  });
  const normWidths = attention.qkNorm === 'head' ? [headDim, headDim] : [queryWidth, keyWidth];
  return {
    kind: 'gqa',
    heads,
    kvHeads,
    headDim,
    rope,
    q: linear(names.query, queryWidth, hiddenSize, config.qkvBias),
    k: linear(names.key, keyWidth, hiddenSize, config.qkvBias),
    v: linear(names.value, keyWidth, hiddenSize, config.qkvBias),
    o: linear(names.output, hiddenSize, queryWidth, config.outputBias),
    qkNorm: attention.qkNorm && {
      over: attention.qkNorm,
      q: tensors.take(names.queryNorm, [normWidths[0]!], { layer }),
      k: tensors.take(names.keyNorm, [normWidths[1]!], { layer }),
    },
    clip: config.clip,
  };
}

function buildDense(layer: number, { manifest, config, tensors }: Parts): DenseFfn {
  const width = config.dense?.width ?? config.expertWidth;
  return { kind: 'dense', mlp: takeMlp(manifest.tensors.dense, width, { layer }, config, tensors) };
}

function buildMoe(layer: number, parts: Parts): MoeFfn {
  const { manifest, config, tensors, compact } = parts;
  const { experts, topK, hiddenSize } = config.decoder;
  const take = (from: number, expert: number, index: number): Expert => ({
    ...takeMlp(manifest.tensors.expert, config.expertWidth, { layer: from, expert }, config, tensors),
    origin: { layer: from, index },
  });
  return {
    kind: 'moe',
    router: {
      weight: tensors.take(manifest.tensors.router, [experts, hiddenSize], { layer }),
      topK,
      normalise: config.normaliseTopK,
    },
    ...(compact ? compactExperts(layer, experts, compact, take) : stockExperts(layer, experts, take)),
    shared: buildShared(layer, parts),
  };
}

function buildShared(layer: number, { manifest, config, tensors }: Parts): SharedExpert | null {
  const { shared, sharedGate } = manifest.tensors;
  if (config.sharedWidth === null) return null;
  return {
    mlp: takeMlp(shared, config.sharedWidth, { layer }, config, tensors),
    gate: tensors.take(sharedGate, [1, config.decoder.hiddenSize], { layer }),
  };
}

function takeMlp(
  names: MlpNames,
  width: number,
  at: { readonly layer: number; readonly expert?: number },
  { decoder: { hiddenSize } }: FamilyConfig,
  tensors: TensorSource,
): Mlp {
  return {
    width,
    gate: tensors.take(names.gate, [width, hiddenSize], at),
    up: tensors.take(names.up, [width, hiddenSize], at),
    down: tensors.take(names.down, [hiddenSize, width], at),
  };
}
