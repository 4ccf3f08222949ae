import { type ArchitectureManifest, biasName, mlpNames } from '../architectures/manifest.js';

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
  const { mlpBias, usesQkNorm, usesSelectionBias } = manifest.keys;
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
  const recurrent = recurrencePatterns(manifest);
  const needed = [
    ...recurrent.needed,
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
      ? [weight(names.router), ...(separate ? mlpNames(separate) : [])]
      : mlpNames(names.dense)),
    ...(router?.bias ? [bias(names.router)] : []),
    ...(router?.selectionBias && !usesSelectionBias ? [names.selectionBias] : []),
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
    ...(mlpBias ? [...mlpNames(names.dense), ...mlpNames(names.shared)].map(biasName) : []),
    ...(router ? [fused.gateUp, fused.down] : []),
    ...(names.experts.separate === null ? mlpNames(names.experts.ownWidth) : []),
    ...(attention.kind === 'mla'
      ? [weight(names.query), queryDownNorm, ...[queryDown, queryUp].map(weight)]
      : []),
    ...[names.query, ...keyValues, names.output, ...(attention.kind === 'mla' ? [queryDown] : [])].map(bias),
    ...(usesQkNorm && attention.kind === 'gqa' && attention.qkNorm !== 'weightless'
      ? [names.queryNorm, names.keyNorm]
      : []),
    ...(ffn.dense === 'none' ? [] : mlpNames(names.dense)),
    ...(ffn.shared ? mlpNames(names.shared) : []),
    ...(usesSelectionBias ? [names.selectionBias] : []),
    ...recurrent.optional,
    ...Object.values(names.latentExperts ?? {}).flatMap((stem) => [weight(stem), bias(stem)]),
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

/** Of the layers with a recurrence: the templates of the tensors that all have, and of those that some have. */
function recurrencePatterns({ recurrence, tensors }: ArchitectureManifest): {
  readonly needed: readonly string[];
  readonly optional: readonly string[];
} {
  const weights = (stems: readonly string[]) => stems.map((stem) => `${stem}.weight`);
  switch (recurrence?.kind) {
    case undefined:
      return { needed: [], optional: [] };
    case 'gated-delta-rule': {
      const { qkv, z, b, a, qkvz, ba, output, convolution, decay, decayBias, norm } = tensors.deltaRule;
      if (recurrence.input === 'channelwise') {
        const { b, zDown, zUp, aDown, aUp, ...others } = tensors.channelwise;
        const stems = [tensors.query, tensors.key, tensors.value, b, zDown, zUp, aDown, aUp];
        return { needed: [...weights(stems), ...Object.values(others)], optional: [] };
      }
      const inputs = recurrence.input === 'grouped' ? [qkvz, ba] : [qkv, z, b, a];
      const needed = [...weights([...inputs, output]), convolution, decay, decayBias, norm];
      return { needed, optional: [] };
    }
    case 'state-space': {
      const { input, convolution, output, ...others } = tensors.stateSpace;
      const stems = [input, convolution, output];
      return {
        needed: [...weights(stems), ...Object.values(others)],
        optional: stems.map((stem) => `${stem}.bias`),
      };
    }
    case 'short-convolution': {
      const stems = Object.values(tensors.shortConvolution);
      return { needed: weights(stems), optional: stems.map((stem) => `${stem}.bias`) };
    }
  }
}
