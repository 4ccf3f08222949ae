import {
  type Attention,
  attentionTensors,
  type BlockScaledExpr,
  byteLength,
  distinctExperts,
  elementCount,
  type FoundMethod,
  type Mlp,
  type Model,
  type ModelSize,
  MoepressError,
  measure,
  mlpTensors,
  moeBlocks,
  type Pass,
  parseOptions,
  type Router,
  storedBytes,
  type TensorExpr,
} from '@moepress/core';

/** What a model is made of and what could be saved; plain data, as `--json` prints it. */
export interface Inspection {
  readonly id: string;
  readonly revision: string | null;
  /** Family: `model_type` of its config.json. */
  readonly architecture: string;
  readonly layers: { readonly total: number; readonly moe: number; readonly dense: number };
  readonly attention: AttentionSummary;
  /** Null in a dense model. */
  readonly experts: ExpertSummary | null;
  /** Weights stored in few bits with scales; their plain form has `plainBytes`. */
  readonly quantised: readonly QuantisedSummary[];
  readonly size: ModelSize;
  /** Parameters a token meets: everything but the experts it is not routed to. */
  readonly activeParameters: number;
  readonly methods: readonly MethodSavings[];
  /** Names of tensors in the checkpoint that no part of the model reads. */
  readonly unread: readonly string[];
}

export interface AttentionSummary {
  readonly kind: Attention['kind'];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Width of the latent that keys and values come from (MLA). */
  readonly latent: number | null;
  readonly sinks: boolean;
  /** Layers that see only so many tokens; where they differ, the smallest number. */
  readonly window: { readonly layers: number; readonly tokens: number } | null;
  /** How rotation is stretched to long contexts. */
  readonly ropeScaling: string | null;
}

export interface QuantisedSummary {
  readonly format: BlockScaledExpr['format'];
  readonly parameters: number;
  readonly bytes: number;
  readonly plainBytes: number;
}

export interface ExpertSummary {
  /** Slots that the router of a layer chooses from; the widest layer's, where layers differ. */
  readonly slotsPerLayer: number;
  /** Slots chosen a token. */
  readonly topK: number;
  /** Slots of all layers, and the experts they compute with: fewer where slots share one. */
  readonly slots: number;
  readonly experts: number;
  readonly width: number;
  readonly parametersEach: number;
  /** Width of the shared expert; null without one. */
  readonly sharedWidth: number | null;
  readonly router: Pick<Router, 'scoring' | 'groups' | 'normalise' | 'scale'> & {
    /** Whether a bias steers the selection alone. */
    readonly selectionBias: boolean;
  };
}

export interface MethodSavings {
  readonly name: string;
  readonly title: string;
  readonly package: string;
  readonly savings: readonly Saving[];
}

/** What removing `ratio` of the routed-expert parameters saves, or why this method cannot do it. */
export type Saving = { readonly ratio: number } & (
  | {
      readonly possible: true;
      /** Passes over the calibration text; none for a method that measures nothing. */
      readonly passes: readonly Pass[];
      readonly parameters: number;
      readonly bytes: number;
      /** The same as a fraction of all parameters. */
      readonly ofModel: number;
    }
  | { readonly possible: false; readonly reason: string }
);

const ratios = [0.25, 0.5];

/** Looks at a model without reading a weight. Savings are nominal: methods round to whole experts. */
export function inspectModel(model: Model, methods: readonly FoundMethod[] = []): Inspection {
  const blocks = moeBlocks(model);
  const size = measure(model);
  const routed = blocks.reduce((sum, { ffn }) => sum + ffn.router.topK * parametersOf(ffn.pool[0]!), 0);
  return {
    id: model.id,
    revision: model.revision,
    architecture: model.architecture,
    layers: { total: model.blocks.length, moe: blocks.length, dense: model.blocks.length - blocks.length },
    attention: summariseAttention(model),
    experts: summariseExperts(model),
    quantised: summariseQuantised(model),
    size,
    activeParameters: size.total.parameters - size.routedExperts.parameters + routed,
    methods: methods.map(({ compressor, origin }) => ({
      name: compressor.name,
      title: compressor.title,
      package: origin.package,
      savings: ratios.map((ratio) => savingOf(model, size, compressor, ratio)),
    })),
    unread: model.source.unread.map(({ name }) => name),
  };
}

function summariseAttention({ blocks, config }: Model): AttentionSummary {
  const layers = blocks.map(({ attention }) => attention);
  const first = layers[0];
  const windows = layers.flatMap((attention) =>
    attention.kind === 'gqa' && attention.window !== null ? [attention.window] : [],
  );
  const { heads, kvHeads, headDim, rope } = config;
  return {
    kind: first?.kind ?? 'gqa',
    heads,
    kvHeads,
    headDim,
    latent: first?.kind === 'mla' ? first.kvUp.weight.shape[1]! : null,
    sinks: first?.kind === 'gqa' && first.sinks !== null,
    window: windows.length > 0 ? { layers: windows.length, tokens: Math.min(...windows) } : null,
    ropeScaling: rope.scaling?.kind ?? null,
  };
}

function summariseExperts(model: Model): ExpertSummary | null {
  const blocks = moeBlocks(model);
  const [first] = blocks;
  const expert = first?.ffn.pool[0];
  if (!first || !expert) return null;
  const { scoring, groups, normalise, scale, selectionBias } = first.ffn.router;
  return {
    slotsPerLayer: model.config.experts,
    topK: first.ffn.router.topK,
    slots: blocks.reduce((sum, { ffn }) => sum + ffn.slots.length, 0),
    experts: distinctExperts(model).length,
    width: expert.width,
    parametersEach: parametersOf(expert),
    sharedWidth: first.ffn.shared?.mlp.width ?? null,
    router: { scoring, groups, normalise, scale, selectionBias: selectionBias !== null },
  };
}

function summariseQuantised(model: Model): QuantisedSummary[] {
  const weights = model.blocks.flatMap((block) => [
    ...attentionTensors(block),
    ...(block.ffn.kind === 'dense' ? mlpTensors(block.ffn.mlp) : []),
    ...(block.ffn.shared ? mlpTensors(block.ffn.shared.mlp) : []),
  ]);
  const all = [...weights, ...distinctExperts(model).flatMap(mlpTensors)];
  return (['mxfp4', 'fp8'] as const).flatMap((format) => {
    const found = all.filter((tensor) => quantisedIn(tensor)?.format === format);
    if (found.length === 0) return [];
    const sum = (size: (tensor: TensorExpr) => number) =>
      found.reduce((total, tensor) => total + size(tensor), 0);
    return [
      {
        format,
        parameters: sum(({ shape }) => elementCount(shape)),
        bytes: sum(storedBytes),
        plainBytes: sum(({ dtype, shape }) => byteLength(dtype, shape)),
      },
    ];
  });
}

/** The quantised matrix that a weight is, or is rows and columns of. */
function quantisedIn(tensor: TensorExpr): BlockScaledExpr | null {
  if (tensor.kind === 'block-scaled') return tensor;
  return tensor.kind === 'rows' || tensor.kind === 'cols' ? quantisedIn(tensor.of) : null;
}

function savingOf(
  model: Model,
  { routedExperts, total }: ModelSize,
  compressor: FoundMethod['compressor'],
  ratio: number,
): Saving {
  try {
    const passes = compressor.needs(model, parseOptions(compressor, { ratio })).map(({ pass }) => pass);
    const parameters = Math.round(ratio * routedExperts.parameters);
    return {
      ratio,
      possible: true,
      passes: [...new Set(passes)],
      parameters,
      bytes: Math.round(ratio * routedExperts.bytes),
      ofModel: parameters / total.parameters,
    };
  } catch (error) {
    if (!MoepressError.isInstance(error)) throw error;
    return { ratio, possible: false, reason: error.message };
  }
}

const parametersOf = (mlp: Mlp) => mlpTensors(mlp).reduce((sum, { shape }) => sum + elementCount(shape), 0);
