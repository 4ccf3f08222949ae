import { type ArchitectureManifest, biasName } from '../architectures/manifest.js';

/** A tensor name with its numbers replaced: all layers and experts have the same. */
export function patternOf(name: string): string {
  return name.replace(/(?<=\.)\d+(?=\.)/g, '*');
}

/** The patterns of the tensors that every checkpoint of a family has, and of those it may have. */
export interface FamilyPatterns {
  readonly needed: ReadonlySet<string>;
  readonly known: ReadonlySet<string>;
}

export function familyPatterns(manifest: ArchitectureManifest): FamilyPatterns {
  const { attention, router, ffn, tensors: names } = manifest;
  const { mlpBias, usesQkNorm } = manifest.keys;
  const { separate, fused } = names.experts;
  const weight = (stem: string) => `${stem}.weight`;
  const bias = (stem: string) => `${stem}.bias`;
  const keyValues =
    attention.kind === 'mla'
      ? [names.latent.keyValueDown, names.latent.keyValueUp]
      : [names.key, names.value];
  const norms =
    attention.kind === 'mla'
      ? [names.latent.keyValueDownNorm]
      : [
          ...(attention.qkNorm && attention.qkNorm !== 'weightless' && !usesQkNorm
            ? [names.queryNorm, names.keyNorm]
            : []),
          ...(attention.sinks ? [names.sinks] : []),
        ];
  const indexer = attention.kind === 'mla' && attention.indexer ? Object.values(names.indexer) : [];
  const rule = names.deltaRule;
  const { input } = manifest.deltaRule ?? {};
  const inputs = input === 'grouped' ? [rule.qkvz, rule.ba] : [rule.qkv, rule.z, rule.b, rule.a];
  const { channelwise } = names;
  const own = [channelwise.b, channelwise.zDown, channelwise.zUp, channelwise.aDown, channelwise.aUp];
  const byChannel = [
    ...[names.query, names.key, names.value, ...own].map(weight),
    ...[channelwise.qConvolution, channelwise.kConvolution, channelwise.vConvolution],
    ...[channelwise.decay, channelwise.decayBias, channelwise.norm],
  ];
  const stacked = input
    ? [...[...inputs, rule.output].map(weight), rule.convolution, rule.decay, rule.decayBias, rule.norm]
    : [];
  const deltaRule = input === 'channelwise' ? byChannel : stacked;
  const needed = [
    ...deltaRule,
    ...indexer.map(weight),
    ...(indexer.length > 0 ? [bias(names.indexer.keyNorm)] : []),
    names.embed,
    names.finalNorm,
    names.attentionNorm,
    ...(manifest.norms === 'parallel' ? [] : [names.ffnNorm]),
    ...(manifest.norms === 'both' ? [names.attentionNormAfter, names.ffnNormAfter] : []),
    ...(manifest.outputScale ? [names.outputScale] : []),
    ...(router?.storedScales && ffn.dense !== 'flag' ? [names.routerInputScale, names.slotScales] : []),
    ...(attention.kind === 'gqa' && attention.gate ? [weight(names.gate)] : []),
    ...(manifest.layerNorm === 'biased'
      ? [names.finalNorm, names.attentionNorm, names.ffnNorm].map(biasName)
      : []),
    ...[...keyValues, names.output].map(weight),
    ...norms,
    ...(attention.kind === 'gqa' ? [weight(names.query)] : []),
    ...(router && ffn.dense !== 'flag'
      ? [weight(names.router), ...Object.values(separate ?? {})]
      : Object.values(names.dense)),
    ...(router?.bias ? [bias(names.router)] : []),
    ...(router?.selectionBias ? [names.selectionBias] : []),
    ...(fused.bias ? [fused.bias.gateUp, fused.bias.down] : []),
    ...(ffn.shared?.gated ? [names.sharedGate] : []),
  ];
  const { queryDown, queryDownNorm, queryUp } = names.latent;
  const optional = [
    names.head,
    ...(manifest.keys.headBias ? [biasName(names.head)] : []),
    ...(manifest.ffnParts ? Object.values(names.partNorms) : []),
    ...(router && ffn.dense === 'flag'
      ? [weight(names.router), names.routerInputScale, names.slotScales]
      : []),
    ...(mlpBias ? [...Object.values(names.dense), ...Object.values(names.shared)].map(biasName) : []),
    ...(router ? [fused.gateUp, fused.down] : []),
    ...(names.experts.separate === null ? Object.values(names.experts.ownWidth) : []),
    ...(attention.kind === 'mla'
      ? [weight(names.query), queryDownNorm, ...[queryDown, queryUp].map(weight)]
      : []),
    ...[names.query, ...keyValues, names.output, ...(attention.kind === 'mla' ? [queryDown] : [])].map(bias),
    ...(usesQkNorm && attention.kind === 'gqa' && attention.qkNorm !== 'weightless'
      ? [names.queryNorm, names.keyNorm]
      : []),
    ...(ffn.dense === 'none' ? [] : Object.values(names.dense)),
    ...(ffn.shared ? Object.values(names.shared) : []),
  ];
  const all = [...needed, ...optional];
  const quantised = all.flatMap((name) =>
    ['_scale_inv', '_blocks', '_scales'].map((suffix) => name + suffix),
  );
  const { alias } = names;
  const aliases = alias.flatMap((pair) => [...all, ...quantised].map((name) => name.replace(...pair)));
  const patterns = (templates: readonly string[]) =>
    new Set(templates.map((template) => template.replace(/\{\w+\}/g, '*')));
  return { needed: patterns(needed), known: patterns([...all, ...quantised, ...aliases]) };
}
