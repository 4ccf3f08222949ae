import {
  type Attention,
  applyLayers,
  attentionBlocks,
  attentionTensors,
  type BlockScaledExpr,
  byteLength,
  distinctExperts,
  elementCount,
  type FoundMethod,
  type LayerPlan,
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
  removedRatios,
  storedBytes,
  type TensorExpr,
} from '@moepress/core';
import { sizeAsWritten } from '@moepress/export';

/** What a model is made of and what could be saved; plain data. */
export interface ModelReport {
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
  /** Layers that have a recurrence in the place of attention. */
  readonly recurrent: number;
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

/** What asking a method for `ratio` saves, counted in a plan of its own as large as any, or why it cannot do it. */
export type Saving = { readonly ratio: number } & (
  | {
      readonly possible: true;
      /** Passes over the calibration text; none for a method that measures nothing. */
      readonly passes: readonly Pass[];
      /**
       * Parameters saved of the whole model, as its checkpoint would be written in the compact layout; negative where it
       * would grow.
       */
      readonly parameters: number;
      readonly bytes: number;
      /** The same as a fraction of all parameters. */
      readonly ofModel: number;
      /** What goes of FFNs, as a fraction of the routed experts' parameters; null in a model without any. */
      readonly ofRouted: number | null;
      /** Whether the method cannot tell before it measures, so that these follow from the ratio alone. */
      readonly isNominal: boolean;
    }
  | { readonly possible: false; readonly reason: string }
);

const ratios = [0.25, 0.5];

/** Looks at a model without reading a weight. */
export function reportModel(model: Model, methods: readonly FoundMethod[] = []): ModelReport {
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

function summariseAttention(model: Model): AttentionSummary {
  const { blocks, config } = model;
  const layers = attentionBlocks(model).map(({ attention }) => attention);
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
    recurrent: blocks.length - layers.length,
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
  const formats = new Set(all.flatMap((tensor) => quantisedIn(tensor)?.format ?? []));
  return [...formats].flatMap((format) => {
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
  const isPart = tensor.kind === 'rows' || tensor.kind === 'cols' || tensor.kind === 'transpose';
  return isPart ? quantisedIn(tensor.of) : null;
}

function savingOf(
  model: Model,
  size: ModelSize,
  compressor: FoundMethod['compressor'],
  ratio: number,
): Saving {
  try {
    const options = parseOptions(compressor, { ratio });
    const passes = new Set(compressor.needs(model, options).map(({ pass }) => pass));
    const layers = compressor.outline?.(model, options);
    const saved = layers ? savedBy(model, size, layers) : nominallySaved(size, ratio);
    return {
      ratio,
      possible: true,
      passes: [...passes],
      ...saved,
      ofModel: saved.parameters / size.total.parameters,
      isNominal: layers === undefined,
    };
  } catch (error) {
    if (!MoepressError.isInstance(error)) throw error;
    return { ratio, possible: false, reason: error.message };
  }
}

function savedBy(model: Model, size: ModelSize, layers: readonly LayerPlan[]) {
  const { parameters, bytes } = sizeAsWritten(applyLayers(model, layers), 'compact');
  return {
    parameters: size.total.parameters - parameters.whole,
    bytes: size.total.bytes - bytes.whole,
    ofRouted: size.routedExperts.parameters === 0 ? null : removedRatios(model, parameters).routed,
  };
}

function nominallySaved({ routedExperts }: ModelSize, ratio: number) {
  return {
    parameters: Math.round(ratio * routedExperts.parameters),
    bytes: Math.round(ratio * routedExperts.bytes),
    ofRouted: routedExperts.parameters === 0 ? null : ratio,
  };
}

const parametersOf = (mlp: Mlp) => mlpTensors(mlp).reduce((sum, { shape }) => sum + elementCount(shape), 0);
