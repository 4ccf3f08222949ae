import { type ArchitectureManifest, type CompactRecord, stockConfig } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, MoepressError, moeBlocks, planHash } from '@moepress/core';

/** The Python file that teaches transformers the compact layout. */
export const modelingFile = 'modeling_moepress.py';

/** Families whose code comes with their checkpoints: transformers has no class to build the compact layout on. */
const remoteCode: readonly string[] = ['deepseek'];

/** Whether transformers loads the compact layout of a family; if not, only moepress does. */
export function hasModelingCode({ modelType }: ArchitectureManifest): boolean {
  return !remoteCode.includes(modelType);
}

export interface WrittenConfigOptions {
  /** What the compact layout must say; null for the stock layout. */
  readonly record: CompactRecord | null;
  readonly plan: CompressionPlan | undefined;
  /** Whether what the original stores quantised stays so. */
  readonly quantised: boolean;
}

/** config.json of the written checkpoint: the original's, with what the view changed. */
export function writtenConfig(
  model: Model,
  manifest: ArchitectureManifest,
  { record, plan, quantised }: WrittenConfigOptions,
): Record<string, unknown> {
  const original = stockConfig(model.source.config, manifest);
  const { quantization_config, ...plain } = original;
  const config = { ...(quantised ? original : plain), ...changedKeys(model, manifest) };
  if (record === null) return config;
  const { auto_map, ...own } = config as Record<string, unknown>;
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

/** Stock configs have one number for all layers. Throws `CONFIG_UNSUPPORTED` if the layers differ. */
function changedKeys(model: Model, { keys, ffn: { shared } }: ArchitectureManifest): Record<string, number> {
  const moe = moeBlocks(model);
  if (moe.length === 0) return {};
  const slots = moe.map(({ ffn }) => ffn.slots.length);
  const widths = moe.flatMap(({ ffn }) => ffn.pool.map(({ width }) => width));
  const width = same(widths, keys.expertWidth, model);
  return {
    [keys.experts]: same(slots, keys.experts, model),
    [keys.expertWidth]: width,
    ...(shared?.unit === 'experts' && sharedExperts(shared.key, width, model)),
    // These layers, which predict further tokens, are not read and so not written.
    ...(model.source.config.num_nextn_predict_layers ? { num_nextn_predict_layers: 0 } : {}),
  };
}

/** The width of the shared expert where the family counts it in routed experts, which may be narrower now. */
function sharedExperts(key: string, width: number, model: Model): Record<string, number> {
  const wide = moeBlocks(model).flatMap(({ ffn }) => (ffn.shared ? [ffn.shared.mlp.width] : []));
  if (wide.length === 0) return {};
  const count = same(wide, key, model) / width;
  if (Number.isInteger(count)) return { [key]: count };
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The shared expert has ${wide[0]} channels, which "${key}" counts in routed experts of ${width}.`,
    where: model.id,
    mend: `Make a plan that leaves the routed experts a divisor of ${wide[0]} channels.`,
  });
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
