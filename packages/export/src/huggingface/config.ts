import { type ArchitectureManifest, type CompactRecord, stockConfig } from '@moepress/checkpoint';
import { type CompressionPlan, type Model, MoepressError, moeBlocks, planHash } from '@moepress/core';

/** The Python file that teaches transformers the compact layout. */
export const modelingFile = 'modeling_moepress.py';

/** config.json of the written checkpoint: the original's, with what the view changed. */
export function writtenConfig(
  model: Model,
  manifest: ArchitectureManifest,
  record: CompactRecord | null,
  plan: CompressionPlan | undefined,
): Record<string, unknown> {
  const config = { ...stockConfig(model.source.config, manifest), ...changedKeys(model, manifest) };
  if (record === null) return config;
  const stem = `Moepress${manifest.className.replace(/ForCausalLM$/, '')}`;
  return {
    ...config,
    model_type: `moepress_${manifest.modelType}`,
    architectures: [`${stem}ForCausalLM`],
    auto_map: {
      AutoConfig: `modeling_moepress.${stem}Config`,
      AutoModelForCausalLM: `modeling_moepress.${stem}ForCausalLM`,
    },
    moepress: { ...record, method: plan?.method ?? null, plan: plan ? planHash(plan) : null },
  };
}

/** Stock configs have one number for all layers. Throws `CONFIG_UNSUPPORTED` if the layers differ. */
function changedKeys(model: Model, { keys }: ArchitectureManifest): Record<string, number> {
  const moe = moeBlocks(model);
  if (moe.length === 0) return {};
  const slots = moe.map(({ ffn }) => ffn.slots.length);
  const widths = moe.flatMap(({ ffn }) => ffn.pool.map(({ width }) => width));
  return {
    [keys.experts]: same(slots, keys.experts, model),
    [keys.expertWidth]: same(widths, keys.expertWidth, model),
  };
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

/** Indented JSON with lists of numbers, and lists of such lists, on one line: slot maps stay readable. */
export function formatJson(value: unknown): string {
  // A line break inside a string is escaped, so this meets only lists.
  const list = /\[\n\s+((?:-?\d+|\[[-\d, ]*\])(?:,\n\s+(?:-?\d+|\[[-\d, ]*\]))*)\n\s+\]/g;
  const onOneLine = (json: string) =>
    json.replace(list, (_, items: string) => `[${items.replace(/\n\s+/g, ' ')}]`);
  return `${onOneLine(onOneLine(JSON.stringify(value, null, 2)))}\n`;
}
