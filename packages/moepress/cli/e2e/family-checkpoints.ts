import { fileURLToPath } from 'node:url';

/** Small checkpoints of every family, and of those that are published quantised. */
export const families = [
  'olmoe',
  'qwen2_moe',
  'qwen3_moe_sharded',
  'mixtral',
  'deepseek',
  'deepseek_v2',
  'deepseek_v3',
  'deepseek_v3_fp8',
  'gpt_oss',
  'gpt_oss_mxfp4',
] as const;

export const checkpoint = (name: string): string =>
  fileURLToPath(new URL(`../../../checkpoint/fixtures/${name}`, import.meta.url));

/** How far logits may move when weights of a family are quantised anew in their format, as a share; null for plain ones. */
export const roundingOf = (family: string): number | null =>
  family.endsWith('_fp8') ? 0.05 : family.endsWith('_mxfp4') ? 0.15 : null;
