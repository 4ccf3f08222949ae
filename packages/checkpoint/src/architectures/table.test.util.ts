/** The table of families in docs/architectures.md. */
import type { FamilyKeys, KeyRule } from './keys.js';
import type { ArchitectureManifest, GroupedQueryTraits, RotationRule, WindowRule } from './manifest.js';
import { neededBy } from './needs.test.util.js';

/** The rows are not aligned, because biome does not format Markdown. */
export function familyTable(manifests: readonly ArchitectureManifest[]): string {
  const columns = [
    'family',
    '`model_type`',
    'attention',
    'router',
    'FFN',
    'experts stored',
    'needed beside data',
  ] as const;
  const rows = manifests.map((manifest) => [
    manifest.title,
    `\`${manifest.modelType}\``,
    attention(manifest),
    router(manifest),
    ffn(manifest),
    storage(manifest),
    neededBy(manifest),
  ]);
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const windows: Readonly<Record<WindowRule, readonly string[]>> = {
  never: [],
  'every-layer': ['`sliding_window` on every layer'],
  alternating: ['windows by `layer_types`, else on every other layer from the first'],
  'from-layer': ['windows by `layer_types`, else from layer `max_window_layers` on'],
  pattern: ['windows by `layer_types`, else on all but every n-th layer'],
  'prefixed-pattern': [
    'windows by `layer_types`, else on all but every n-th layer, with another n among the first dense ones',
  ],
  'but-first-and-sixth': ['windows by `layer_types`, else on all layers but the first and every sixth'],
  chunks: ['chunks of `attention_chunk_size` by `layer_types`, else where layers rotate'],
  'alternating-below-layer': [
    'windows by `layer_types`, else on every other layer below `max_window_layers`',
  ],
};

function attention({
  attention: traits,
  keys,
  norms: place,
  recurrence,
  normOffset,
}: ArchitectureManifest): string {
  if (traits.kind === 'mla')
    return [
      'latent (MLA), `attention_bias`',
      ...rotations[traits.rotation],
      ...(traits.scalesQueries ? ['queries grow with their position (`llama_4_scaling_beta`)'] : []),
      ...(traits.indexer ? ['of the tokens that an indexer chooses (`index_topk`)'] : []),
      ...inItsPlace(recurrence, keys),
    ].join(', ');
  return [
    'grouped-query',
    ...biases(traits, keys),
    ...norms(traits, keys),
    ...rotations[traits.rotation],
    ...(traits.pairing ? ['neighbours rotated together'] : []),
    ...places[place ?? 'before'],
    ...named(keys.attentionMultiplier),
    ...(traits.unrotated ? [unrotated[traits.unrotated]] : []),
    ...(traits.rotations ? ['rotations by type of layer'] : []),
    ...named(keys.fullHeadDim),
    ...(keys.windowKvHeads ? ['more heads of keys in layers with a window'] : []),
    ...named(keys.keysAreValues),
    ...(traits.valueNorm ? ['value norm'] : []),
    ...named(keys.valueScale),
    ...named(keys.scalesQueries),
    ...named(keys.clip),
    ...windows[traits.windows],
    ...(traits.sinks ? [traits.sinks === 'windowed' ? 'sinks beside windows' : 'sinks'] : []),
    ...(traits.gate ? ['output gate of its own'] : []),
    ...(traits.outputGate ? ['output gate'] : []),
    ...inItsPlace(recurrence, keys),
    ...(normOffset ? ['norms stored less one'] : []),
  ].join(', ');
}

const recurrences = {
  'gated-delta-rule': 'a gated delta rule',
  'short-convolution': 'a short convolution between gates',
  'state-space': 'Mamba-2',
};

function inItsPlace(traits: ArchitectureManifest['recurrence'], keys: FamilyKeys): string[] {
  if (!traits) return [];
  if (traits.kind === 'gated-delta-rule' && traits.input === 'channelwise') {
    return [
      'a delta rule with decays by channel in its place by `layer_types`, else by `linear_attn_config`',
    ];
  }
  const untold = [
    ...named(keys.fullInterval).map((name) => `, else but in every layer ${name}`),
    ...named(keys.fullLayers).map((name) => `, else in the layers that ${name} does not list`),
  ];
  return [`${recurrences[traits.kind]} in its place by \`layer_types\`${untold.join('')}`];
}

const places = {
  before: [],
  after: ['norms after attention and FFN'],
  both: ['norms on both sides of attention and FFN'],
  parallel: ['parallel to the FFN'],
};

const unrotated = {
  full: 'no rotation without a window',
  'full-beside-windows': 'no rotation without a window',
  'full-but-prefix': 'no rotation without a window but in the first dense layers',
  'unless-named': 'no rotation unless `position_embedding_type` is "rope"',
  always: 'no rotation',
  listed: 'no rotation in layers that a list names',
};

const rotations: Readonly<Record<RotationRule, readonly string[]>> = {
  whole: [],
  undivided: [],
  part: ['part of a head rotated'],
  share: [],
  none: ['without rotation'],
};

function norms({ qkNorm, normedAfterRotation }: GroupedQueryTraits, { usesQkNorm }: FamilyKeys): string[] {
  if (qkNorm === null) return [];
  const told = named(usesQkNorm).map((name) => ` by ${name}`);
  const place = normedAfterRotation ? ' after rotation' : '';
  return [
    `query and key norms over the ${qkNorm === 'head' || qkNorm === 'weightless' ? 'head' : 'projection'}${place}${qkNorm === 'weightless' ? ' without weights' : ''}${told.join('')}`,
  ];
}

function biases({ qkvBias, outputBias }: GroupedQueryTraits, keys: FamilyKeys): string[] {
  if (qkvBias === 'never') return [];
  const but = outputBias === 'never' ? ' but for output' : '';
  return [`${qkvBias === 'always' ? 'biases' : named(keys.attentionBias)[0]}${but}`];
}

const named = (rule: KeyRule | undefined): string[] => (rule ? [`\`${rule.names[0]}\``] : []);

const normalised = {
  always: ['weights sum to one'],
  never: [],
  'by-config': ['`norm_topk_prob`'],
  'by-config-of-several': ['`norm_topk_prob` of several'],
};

function router({ router: traits, keys }: ArchitectureManifest): string {
  if (traits === null) return 'none';
  const groups = Object.entries(traits.methods).flatMap(([method, by]) =>
    by && keys.groups ? [`groups by ${by} (\`${method}\`)`] : [],
  );
  return [
    ...(traits.scoring === 'by-config' ? named(keys.scoring) : [traits.scoring]),
    ...(traits.mixer ? ['two experts weighed one by one (SparseMixer)'] : []),
    ...(traits.weighs ? ['weights on the input of experts'] : []),
    ...(traits.storedScales ? ['stored factors of its input and of weights'] : []),
    ...(traits.bias ? ['bias'] : []),
    ...(traits.selectionBias
      ? [`bias for the selection${named(keys.usesSelectionBias).map((name) => ` by ${name}`)}`]
      : []),
    ...groups,
    ...normalised[traits.normalise],
    ...named(keys.scale),
  ].join(', ');
}

const dense = {
  none: 'every layer has experts',
  all: 'dense',
  'layer-types':
    'a layer is attention, Mamba-2, experts or an MLP by `layers_block_type`, else by `hybrid_override_pattern`',
  'without-experts': 'every layer has experts, or none has',
  'mlp-only-layers': 'dense layers by `mlp_only_layers` and `decoder_sparse_step`',
  types: 'dense layers by `mlp_layer_types`',
  listed: 'layers with experts by `moe_layers`, else by `interleave_moe_layer_step`',
  flag: 'experts in every layer by `enable_moe_block`',
  interval: 'dense layers by `moe_layer_start_index`, `moe_layer_end_index` and `moe_layer_interval`',
  'prefix-and-step': 'dense layers by `first_k_dense_replace` and `moe_layer_freq`',
};

function ffn({ ffn: traits, keys }: ArchitectureManifest): string {
  return [
    traits.dense === 'prefix' ? `dense layers by ${named(keys.firstDense)}` : dense[traits.dense],
    ...named(keys.activation),
    ...named(keys.mlpBias),
    ...(traits.ungated ? ['no gates'] : []),
    ...named(keys.expertSpace).map((name) => `experts in a narrower space by ${name}`),
    ...(traits.shared ? [sharedExpert(traits.shared.gated, keys.shared)] : []),
    ...(traits.clamp ? [`SwiGLU clamped at ${traits.clamp.limit}`] : []),
  ].join(', ');
}

function sharedExpert(isGated: boolean, size: KeyRule | undefined): string {
  const place = isGated ? ' behind a gate' : '';
  return `shared expert${place}${size ? ` (${named(size)})` : ' as wide as a routed one'}`;
}

const storedAs = {
  stacked: 'fused',
  interleaved: 'fused, gate and up in turns; MXFP4 is read too',
  halves: 'fused, inputs before outputs',
  ungated: 'fused, without gates',
};

function storage({ router, tensors }: ArchitectureManifest): string {
  if (router === null) return 'none';
  const { separate, fused } = tensors.experts;
  if (separate) return 'one by one; fused ones are read too';
  return storedAs[fused.layout];
}
