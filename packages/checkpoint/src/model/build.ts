import type { Block, DenseFfn, Expert, MoeFfn, Router, SharedExpert } from '@moepress/core';
import { buildAttention } from './attention.js';
import type { Parts } from './build-context.js';
import type { DenseLayer } from './compact.js';
import { compactExperts, type StoredExpert, stockExperts } from './experts.js';
import { takeExpert, takeMlp } from './mlp.js';
import { ownWidthNames, takeOwnWidth } from './ragged.js';

/** One decoder layer. Throws what `TensorSource.take` throws. */
export function buildBlock(layer: number, parts: Parts): Block {
  const { manifest, config, tensors } = parts;
  const { attentionNorm, ffnNorm } = manifest.tensors;
  const { hiddenSize } = config.decoder;
  return {
    index: layer,
    attention: buildAttention(layer, parts),
    ffn: buildFfn(layer, parts),
    norms: {
      attention: tensors.take(attentionNorm, [hiddenSize], { layer }),
      ffn: tensors.take(ffnNorm, [hiddenSize], { layer }),
    },
  };
}

function buildFfn(layer: number, parts: Parts): DenseFfn | MoeFfn {
  const dense = parts.compact?.dense?.find((record) => record.layer === layer);
  if (dense) return buildCondensed(dense, parts);
  return parts.config.ffn.moe[layer] ? buildMoe(layer, parts) : buildDense(layer, parts);
}

/** What was an MoE in the original checkpoint. */
function buildCondensed({ layer, width, shared }: DenseLayer, parts: Parts): DenseFfn {
  const { dense, experts } = parts.manifest.tensors;
  const biased = experts.fused.bias !== null || parts.config.ffn.bias;
  return {
    kind: 'dense',
    mlp: takeOwnWidth(ownWidthNames(dense, biased), width, { layer }, parts),
    shared: shared ? buildShared(layer, parts) : null,
  };
}

function buildDense(layer: number, parts: Parts): DenseFfn {
  const { dense } = parts.manifest.tensors;
  const { denseWidth, bias } = parts.config.ffn;
  return { kind: 'dense', mlp: takeMlp(dense, denseWidth, { layer }, parts, bias), shared: null };
}

function buildMoe(layer: number, parts: Parts): MoeFfn {
  const { config, compact } = parts;
  const { experts } = config.decoder;
  const take = (stored: StoredExpert): Expert => ({
    ...takeExpert(stored, parts),
    origin: { layer: stored.layer, index: stored.index },
  });
  return {
    kind: 'moe',
    router: buildRouter(layer, parts),
    ...(compact ? compactExperts(layer, experts, compact, take) : stockExperts(layer, experts, take)),
    shared: buildShared(layer, parts),
  };
}

function buildRouter(layer: number, { manifest, config, tensors }: Parts): Router {
  const { router: stem, selectionBias } = manifest.tensors;
  const { experts, hiddenSize } = config.decoder;
  // Layers have experts only in families that have a router.
  const traits = manifest.router!;
  return {
    ...config.router!,
    weight: tensors.take(`${stem}.weight`, [experts, hiddenSize], { layer }),
    bias: traits.bias ? tensors.take(`${stem}.bias`, [experts], { layer }) : null,
    selectionBias: traits.selectionBias ? tensors.take(selectionBias, [experts], { layer }) : null,
  };
}

function buildShared(layer: number, parts: Parts): SharedExpert | null {
  const { manifest, config, tensors } = parts;
  const { shared, sharedGate } = manifest.tensors;
  const width = config.ffn.sharedWidth;
  // Of no channels there may be tensors without numbers, or none.
  if (width === null || (width === 0 && !tensors.has(shared.gate, { layer }))) return null;
  return {
    mlp: takeMlp(shared, width, { layer }, parts, config.ffn.bias),
    gate: manifest.ffn.shared?.gated
      ? tensors.take(sharedGate, [1, config.decoder.hiddenSize], { layer })
      : null,
  };
}
