import {
  type ArchitectureManifest,
  type Changes,
  type CompactRecord,
  quantityOf,
  withoutQuantisation,
  withQuantities,
} from '@moepress/checkpoint';
import { type CompressionPlan, type Model, MoepressError, planHash } from '@moepress/core';
import type { Arrangement } from './layout.js';
import { type PredictionLayers, predictionChanges } from './prediction.js';
import { withRenumberedModules } from './quantised-config.js';
import { checkReadBack } from './router-settings.js';
import { sharedWidths } from './widths.js';

/** The Python file with which transformers loads the compact layout. */
export const modelingFile = 'modeling_moepress.py';

/** Whether transformers loads the compact layout of a family; if not, only moepress does. */
export function hasModelingCode({ elsewhere }: ArchitectureManifest): boolean {
  return !elsewhere?.noCompactClass;
}

export interface WrittenConfigOptions {
  readonly plan: CompressionPlan | undefined;
  /** Whether tensors that the original stores quantised stay quantised. */
  readonly quantised: boolean;
  /** What is said of weights that are quantised as they are written. */
  readonly quantisation?: Record<string, unknown> | undefined;
  /** What becomes of the layers that predict further tokens; none by default. */
  readonly prediction?: PredictionLayers | undefined;
}

const noPrediction: PredictionLayers = { outcome: 'none', tensors: 0, reason: null };

/**
 * config.json of the written checkpoint: the original's, with the changes of the view. Throws `CONFIG_UNSUPPORTED` if
 * its layers differ in a setting that config.json has only once for all layers.
 */
export function writtenConfig(
  arrangement: Arrangement,
  { plan, quantised, quantisation, prediction = noPrediction }: WrittenConfigOptions,
): Record<string, unknown> {
  const { manifest, config: original, form, routers } = arrangement;
  const before = quantised
    ? withRenumberedModules(original, arrangement)
    : withoutQuantisation(original, manifest);
  const stated = quantisation ? { ...before, quantization_config: quantisation } : before;
  const config = withQuantities(stated, manifest, {
    ...changesOf(arrangement),
    ...predictionChanges(prediction, manifest, original),
  });
  if (form.kind !== 'flat' && routers.differ) checkReadBack(config, arrangement);
  if (form.kind === 'stock') return config;
  if (form.kind === 'compact') return compactConfig(config, manifest, form.record, plan);
  return { ...config, architectures: [`Ragged${manifest.className}`], less_is_moe: form.record };
}

function compactConfig(
  { auto_map, ...own }: Record<string, unknown>,
  manifest: ArchitectureManifest,
  record: CompactRecord,
  plan: CompressionPlan | undefined,
): Record<string, unknown> {
  const className = `Moepress${manifest.className}`;
  return {
    ...own,
    model_type: `moepress_${manifest.modelType}`,
    architectures: [className],
    ...(hasModelingCode(manifest) && {
      auto_map: {
        AutoConfig: `modeling_moepress.${className.replace(/ForCausalLM$/, '')}Config`,
        AutoModelForCausalLM: `modeling_moepress.${className}`,
      },
    }),
    moepress: {
      ...record,
      ...(auto_map !== undefined && { auto_map }),
      method: plan?.method ?? null,
      plan: plan ? planHash(plan) : null,
    },
  };
}

function changesOf({ model, manifest, width, config: original, routers }: Arrangement): Changes {
  const further = {
    // The original's is wrong where its head is one of its own.
    ...(quantityOf(original, manifest, 'tied') === true && !model.config.tiedEmbeddings && { tied: false }),
  };
  return {
    ...routers.common,
    ...(width !== null && { expertWidth: width, ...sharedExperts(manifest, width, model) }),
    ...further,
  };
}

/** The shared expert where it is counted in routed ones, which may be narrower now. */
function sharedExperts({ keys, ffn }: ArchitectureManifest, width: number, model: Model): Changes {
  const widths = sharedWidths(model);
  if (ffn.shared?.unit !== 'experts' || !keys.shared || widths.length === 0) return {};
  return { shared: same(widths, keys.shared.names[0], model) / width };
}

function same(values: readonly number[], key: string, model: Model): number {
  const distinct = [...new Set(values)];
  if (distinct.length === 1) return distinct[0]!;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The layers differ in "${key}" (${distinct.join(', ')}), of which config.json has one for all.`,
    where: model.id,
    hint: 'Make a plan that leaves the same number in every layer.',
  });
}
