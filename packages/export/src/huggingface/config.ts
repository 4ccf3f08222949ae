import {
  type ArchitectureManifest,
  type CompactRecord,
  findArchitecture,
  stockConfig,
} from '@moepress/checkpoint';
import { type CompressionPlan, type Model, MoepressError, moeBlocks, planHash } from '@moepress/core';
import type { Arrangement } from './layout.js';
import { sharedWidths } from './widths.js';

/** The Python file that teaches transformers the compact layout. */
export const modelingFile = 'modeling_moepress.py';

/** Families whose code comes with their checkpoints: transformers has no class to build the compact layout on. */
const remoteCode: readonly string[] = ['deepseek'];

/** Whether transformers loads the compact layout of a family; if not, only moepress does. */
export function hasModelingCode({ modelType }: ArchitectureManifest): boolean {
  return !remoteCode.includes(modelType);
}

export interface WrittenConfigOptions {
  readonly plan: CompressionPlan | undefined;
  /** Whether what the original stores quantised stays so. */
  readonly quantised: boolean;
}

/**
 * config.json of the written checkpoint: the original's, with what the view changed.
 * Throws `CONFIG_UNSUPPORTED` if its layers differ in what config.json has once for all.
 */
export function writtenConfig(
  { model, manifest, keys, form, width }: Arrangement,
  { plan, quantised }: WrittenConfigOptions,
): Record<string, unknown> {
  const original = stockConfig(model.source.config, findArchitecture(model.architecture, model.id));
  const { quantization_config, ...plain } = original;
  const told = { ...(quantised ? original : plain), ...changedKeys(model, manifest, width), ...keys };
  const config = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
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
  const stem = `Moepress${manifest.className.replace(/ForCausalLM$/, '')}`;
  return {
    ...own,
    model_type: `moepress_${manifest.modelType}`,
    architectures: [`${stem}ForCausalLM`],
    ...(hasModelingCode(manifest) && {
      auto_map: {
        AutoConfig: `modeling_moepress.${stem}Config`,
        AutoModelForCausalLM: `modeling_moepress.${stem}ForCausalLM`,
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

function changedKeys(
  model: Model,
  { keys, ffn: { shared } }: ArchitectureManifest,
  width: number | null,
): Record<string, number> {
  const moe = moeBlocks(model);
  // Layers that predict further tokens are not read and so not written.
  const further = model.source.config.num_nextn_predict_layers ? { num_nextn_predict_layers: 0 } : {};
  if (moe.length === 0 || keys === null) return further;
  const slots = moe.map(({ ffn }) => ffn.slots.length);
  return {
    [keys.experts]: same(slots, keys.experts, model),
    ...(width !== null && {
      [keys.expertWidth]: width,
      ...(shared?.unit === 'experts' && sharedExperts(shared.key, width, model)),
    }),
    ...further,
  };
}

/** The shared expert counted in routed ones, which may be narrower now. */
function sharedExperts(key: string, width: number, model: Model): Record<string, number> {
  const widths = sharedWidths(model);
  return widths.length === 0 ? {} : { [key]: same(widths, key, model) / width };
}

function same(values: readonly number[], key: string, model: Model): number {
  const distinct = [...new Set(values)];
  if (distinct.length === 1) return distinct[0]!;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The layers differ in "${key}" (${distinct.join(', ')}), of which config.json has one for all.`,
    where: model.id,
    mend: 'Make a plan that leaves the same number in every layer.',
  });
}
