/** The table of families in docs/architectures.md. */
import type { ArchitectureManifest, GroupedQueryTraits } from './manifest.js';

/** As biome formats no Markdown, the rows need no alignment. */
export function familyTable(manifests: readonly ArchitectureManifest[]): string {
  const columns = ['family', '`model_type`', 'attention', 'router', 'FFN', 'experts stored'] as const;
  const rows = manifests.map((manifest) => [
    manifest.title,
    `\`${manifest.modelType}\``,
    attention(manifest),
    router(manifest),
    ffn(manifest),
    storage(manifest),
  ]);
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function attention({ attention: traits }: ArchitectureManifest): string {
  if (traits.kind === 'mla') return 'latent (MLA), `attention_bias`';
  const windows = {
    never: [],
    'every-layer': ['`sliding_window` on every layer'],
    'layer-types': ['windows by `layer_types`'],
  };
  return [
    'grouped-query',
    ...biases(traits),
    ...(traits.qkNorm ? [`query and key norms over the ${traits.qkNorm}`] : []),
    ...(traits.clipKey ? [`\`${traits.clipKey}\``] : []),
    ...windows[traits.window],
    ...(traits.sinks ? ['sinks'] : []),
  ].join(', ');
}

function biases({ qkvBias, outputBias }: GroupedQueryTraits): string[] {
  if (qkvBias === null) return [];
  const but = outputBias === 'never' ? ' but for output' : '';
  return [qkvBias === 'always' ? `biases${but}` : `\`${qkvBias.key}\`${but}`];
}

function router({ router: traits }: ArchitectureManifest): string {
  if (traits === null) return 'none';
  const { methods, normalise, scale } = traits;
  const groups = Object.entries(methods).flatMap(([method, by]) =>
    by ? [`groups by ${by} (\`${method}\`)`] : [],
  );
  return [
    traits.scoring,
    ...(traits.bias ? ['bias'] : []),
    ...(traits.selectionBias ? ['bias for the selection'] : []),
    ...groups,
    normalise === 'always'
      ? 'weights sum to one'
      : `\`norm_topk_prob\`${normalise.unscaled ? ' instead of scale' : ''}`,
    ...(scale ? [`\`${scale.key}\``] : []),
  ].join(', ');
}

function ffn({ ffn: traits }: ArchitectureManifest): string {
  const dense = {
    none: 'every layer has experts',
    all: 'dense',
    'mlp-only-layers': 'dense layers by `mlp_only_layers` and `decoder_sparse_step`',
    prefix: 'dense layers by `first_k_dense_replace` and `moe_layer_freq`',
  };
  return [
    dense[traits.dense],
    ...(traits.shared
      ? [`shared expert${traits.shared.gated ? ' behind a gate' : ''} (\`${traits.shared.key}\`)`]
      : []),
    ...(traits.clamp ? [`clamped SwiGLU (\`${traits.clamp.limit.key}\`)`] : []),
  ].join(', ');
}

function storage({ router, tensors }: ArchitectureManifest): string {
  if (router === null) return 'none';
  const { separate, fused } = tensors.experts;
  if (separate) return 'one by one; fused ones are read too';
  return fused.layout === 'interleaved' ? 'fused, gate and up in turns; MXFP4 is read too' : 'fused';
}
