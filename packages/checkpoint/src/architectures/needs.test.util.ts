/**
 * What families need beside their manifests, for docs/architectures.md: the parts of the runtime that their traits select,
 * beyond the block that all share. That is grouped-query attention with rotation and windows, RMS norms before it and the
 * FFN, a router that chooses by softmax or sigmoid, and gated MLPs, some of them dense or shared.
 */
import type { ArchitectureManifest, GroupedQueryTraits } from './manifest.js';

export interface Need {
  readonly name: string;
  /** Where it is computed, in packages/runtime/src. */
  readonly code: string;
  readonly has: (manifest: ArchitectureManifest) => boolean;
}

const grouped =
  (has: (traits: GroupedQueryTraits, manifest: ArchitectureManifest) => unknown) =>
  (manifest: ArchitectureManifest): boolean =>
    manifest.attention.kind === 'gqa' && Boolean(has(manifest.attention, manifest));

export const needs: readonly Need[] = [
  {
    name: 'latent attention',
    code: 'decoder/attention/latent.ts',
    has: ({ attention }) => attention.kind === 'mla',
  },
  {
    name: 'indexers',
    code: 'decoder/attention/indexer.ts',
    has: ({ attention }) => attention.kind === 'mla' && attention.indexer !== undefined,
  },
  {
    name: 'a gated delta rule',
    code: 'decoder/delta-rule/gated-delta-rule.ts',
    has: ({ recurrence }) => recurrence?.kind === 'gated-delta-rule',
  },
  {
    name: 'a short convolution',
    code: 'decoder/recurrence/short-convolution.ts',
    has: ({ recurrence }) => recurrence?.kind === 'short-convolution',
  },
  {
    name: 'Mamba-2',
    code: 'decoder/recurrence/state-space.ts',
    has: ({ recurrence }) => recurrence?.kind === 'state-space',
  },
  {
    name: 'layers of one part',
    code: 'decoder/block.ts',
    has: ({ keys }) => keys.layerPattern !== undefined,
  },
  {
    name: 'MLPs without gates',
    code: 'decoder/activation.ts',
    has: ({ ffn }) => ffn.ungated === true,
  },
  {
    name: 'experts in a narrower space',
    code: 'decoder/ffn.ts',
    has: ({ keys }) => keys.expertSpace !== undefined,
  },
  {
    name: 'decays by channel',
    code: 'decoder/delta-rule/recurrence.ts',
    has: ({ recurrence }) => recurrence?.kind === 'gated-delta-rule' && recurrence.input === 'channelwise',
  },
  {
    name: 'query and key norms',
    code: 'decoder/attention/grouped.ts',
    has: grouped(({ qkNorm }) => qkNorm !== null),
  },
  {
    name: 'values of another form than keys',
    code: 'decoder/attention/grouped.ts',
    has: grouped(({ valueNorm }, { keys }) => valueNorm || keys.valueScale || keys.valueDim),
  },
  {
    name: 'clipped queries, keys and values',
    code: 'decoder/attention/grouped.ts',
    has: ({ keys }) => keys.clip !== undefined,
  },
  {
    name: 'output gates',
    code: 'decoder/attention/projections.ts',
    has: grouped(({ outputGate, gate }) => outputGate || gate),
  },
  {
    name: 'rotation of part of a head',
    code: 'decoder/attention/grouped.ts',
    has: grouped(({ rotation }) => rotation === 'part'),
  },
  {
    name: 'layers without rotation',
    code: 'decoder/attention/grouped.ts',
    has: ({ attention }) =>
      attention.kind === 'mla' ? attention.rotation === 'none' : attention.unrotated !== undefined,
  },
  {
    name: 'rotations by type of layer',
    code: 'tokens/ropes.ts',
    has: grouped(({ rotations }) => rotations),
  },
  {
    name: 'queries that grow with their position',
    code: 'decoder/attention/heads.ts',
    has: ({ attention, keys }) =>
      keys.scalesQueries !== undefined || (attention.kind === 'mla' && attention.scalesQueries === true),
  },
  {
    name: 'attention within chunks',
    code: 'decoder/attention/masks.ts',
    has: grouped(({ windows }) => windows === 'chunks'),
  },
  {
    name: 'sinks',
    code: 'decoder/attention/differentiable.ts',
    has: grouped(({ sinks }) => sinks),
  },
  {
    name: 'norms in other places',
    code: 'decoder/residual.ts',
    has: ({ norms }) => norms !== undefined && norms !== 'before',
  },
  { name: 'layer norms', code: 'decoder/norm.ts', has: ({ layerNorm }) => layerNorm !== undefined },
  { name: 'norms stored less one', code: 'decoder/norm.ts', has: ({ normOffset }) => Boolean(normOffset) },
  {
    name: 'multipliers',
    code: 'decoder/residual.ts',
    has: ({ keys, embeddingRoot, outputScale }) =>
      Boolean(keys.embeddingMultiplier ?? keys.logitScale ?? embeddingRoot ?? outputScale),
  },
  { name: 'bounded logits', code: 'decoder/lm-head.ts', has: ({ keys }) => keys.logitCap !== undefined },
  { name: 'a bias of the head', code: 'decoder/lm-head.ts', has: ({ keys }) => keys.headBias !== undefined },
  {
    name: 'a bias for the selection',
    code: 'decoder/router/select.ts',
    has: ({ router }) => router?.selectionBias === true,
  },
  {
    name: 'groups of experts',
    code: 'decoder/router/select.ts',
    has: ({ router, keys }) =>
      keys.groups !== undefined && Object.values(router?.methods ?? {}).some((by) => by !== null),
  },
  {
    name: 'SparseMixer',
    code: 'decoder/router/sparse-mixer.ts',
    has: ({ router }) => router?.mixer === true,
  },
  {
    name: 'stored factors of the router',
    code: 'decoder/router/route.ts',
    has: ({ router }) => router?.storedScales === true,
  },
  {
    name: 'weights on the input of experts',
    code: 'decoder/ffn.ts',
    has: ({ router }) => router?.weighs === 'input',
  },
  {
    name: 'norms of the parts of an FFN',
    code: 'decoder/ffn.ts',
    has: ({ ffnParts }) => ffnParts === true,
  },
  {
    name: 'an average with the shared expert',
    code: 'decoder/ffn.ts',
    has: ({ ffn }) => ffn.shared?.averaged !== undefined,
  },
  { name: 'clamped SwiGLU', code: 'decoder/mlp.ts', has: ({ ffn }) => ffn.clamp !== null },
];

/** What a family needs, for its row. */
export function neededBy(manifest: ArchitectureManifest): string {
  const own = needs.filter(({ has }) => has(manifest)).map(({ name }) => name);
  return own.length > 0 ? own.join(', ') : 'nothing';
}

/** Where the parts are, and who needs them. */
export function needsTable(manifests: readonly ArchitectureManifest[]): string {
  const rows = needs.map(({ name, code, has }) => [
    name,
    `\`${code}\``,
    manifests
      .filter(has)
      .map(({ modelType }) => modelType)
      .join(', '),
  ]);
  const columns = ['part', 'in `packages/runtime/src`', 'families'];
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
