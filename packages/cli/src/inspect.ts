import {
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
} from '@moepress/core';

/** What a model is made of and what could be saved; plain data, as `--json` prints it. */
export interface Inspection {
  readonly id: string;
  readonly revision: string | null;
  /** Family: `model_type` of its config.json. */
  readonly architecture: string;
  readonly layers: { readonly total: number; readonly moe: number; readonly dense: number };
  /** Null in a dense model. */
  readonly experts: ExpertSummary | null;
  readonly size: ModelSize;
  /** Parameters a token meets: everything but the experts it is not routed to. */
  readonly activeParameters: number;
  readonly methods: readonly MethodSavings[];
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
    experts: summariseExperts(model),
    size,
    activeParameters: size.total.parameters - size.routedExperts.parameters + routed,
    methods: methods.map(({ compressor, origin }) => ({
      name: compressor.name,
      title: compressor.title,
      package: origin.package,
      savings: ratios.map((ratio) => savingOf(model, size, compressor, ratio)),
    })),
  };
}

function summariseExperts(model: Model): ExpertSummary | null {
  const blocks = moeBlocks(model);
  const [first] = blocks;
  const expert = first?.ffn.pool[0];
  if (!first || !expert) return null;
  return {
    slotsPerLayer: model.config.experts,
    topK: first.ffn.router.topK,
    slots: blocks.reduce((sum, { ffn }) => sum + ffn.slots.length, 0),
    experts: distinctExperts(model).length,
    width: expert.width,
    parametersEach: parametersOf(expert),
    sharedWidth: first.ffn.shared?.mlp.width ?? null,
  };
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
