import { z } from 'zod';
import type { Refusal } from './compressed-tensors.js';
import { everywhere, type Quantisation, scheme } from './weight-scheme.js';

/** `value` by a schema. Throws what `invalid` makes of the first problem. */
function parsed<T>(schema: z.ZodType<T>, value: unknown, invalid: Refusal): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(`${issue!.path.join('.')}: ${issue!.message}`);
}

const awqSchema = z.object({
  bits: z.int().default(4),
  group_size: z.int().default(128),
  zero_point: z.boolean().default(true),
  version: z.string().default('gemm'),
});

/** `quantization_config` of AutoAWQ. Throws as `readCompressedTensors`. */
export function readAwq(value: unknown, refuse: Refusal, invalid: Refusal): Quantisation {
  const { bits, group_size: group, zero_point: hasZeros, version } = parsed(awqSchema, value, invalid);
  if (bits !== 4 || version.toLowerCase() !== 'gemm' || !hasZeros)
    throw refuse('awq of 4 bits in the version "gemm" with zero points');
  const block = [1, groupOf(group, refuse)] as const;
  return everywhere('awq', scheme({ format: 'awq', code: 'u4', block, symmetric: false }));
}

const gptqSchema = z.object({
  bits: z.int(),
  group_size: z.int().default(128),
  desc_act: z.boolean().default(false),
  sym: z.boolean().default(true),
  checkpoint_format: z.string().nullish(),
  format: z.string().nullish(),
  is_marlin_format: z.boolean().nullish(),
  dynamic: z.record(z.string(), z.unknown()).nullish(),
});

/** `quantization_config` of GPTQ. Throws as `readCompressedTensors`. */
export function readGptq(value: unknown, refuse: Refusal, invalid: Refusal): Quantisation {
  const config = parsed(gptqSchema, value, invalid);
  const { bits, group_size: group, desc_act: ordered, sym: symmetric } = config;
  // What some modules have of their own; those named after "-:" are plain, which their tensors tell.
  const overrides = Object.keys(config.dynamic ?? {}).filter((name) => !name.startsWith('-:'));
  const layout = config.checkpoint_format || config.format || 'gptq';
  const known = (layout === 'gptq' || layout === 'gptq_v2') && !config.is_marlin_format;
  if ((bits !== 4 && bits !== 8) || !known || overrides.length > 0)
    throw refuse(
      'gptq of 4 or 8 bits in checkpoint_format "gptq" or "gptq_v2", with the same settings for all modules',
    );
  return everywhere(
    'gptq',
    scheme({
      format: 'gptq',
      code: bits === 4 ? 'u4' : 'u8',
      block: [1, groupOf(group, refuse)],
      symmetric,
      grouped: ordered,
      // The first version of the format stores zero points less one.
      plus: layout === 'gptq' ? 1 : 0,
    }),
  );
}

/** Weights that share a scale; null: a whole row. */
function groupOf(size: number, refuse: Refusal): number | null {
  if (size === -1) return null;
  if (size > 0) return size;
  throw refuse('a group_size of -1 or more than zero');
}

const modelOptSchema = z.object({
  quant_algo: z.string().nullish(),
  config_groups: z
    .record(
      z.string(),
      z.object({
        weights: z.object({ num_bits: z.int(), type: z.string(), group_size: z.int().nullish() }).nullish(),
      }),
    )
    .nullish(),
  group_size: z.int().nullish(),
  kv_cache_scheme: z.unknown().optional(),
  kv_cache_quant_algo: z.unknown().optional(),
});

/** `quantization_config` of NVIDIA's ModelOpt, of which NVFP4 is read. Throws as `readCompressedTensors`. */
export function readModelOpt(value: unknown, refuse: Refusal, invalid: Refusal): Quantisation {
  const config = parsed(modelOptSchema, value, invalid);
  const groups = Object.values(config.config_groups ?? {}).flatMap(({ weights }) => weights ?? []);
  const sizes = [config.group_size, ...groups.map(({ group_size: size }) => size)];
  const fits =
    config.quant_algo === 'NVFP4' &&
    config.kv_cache_scheme == null &&
    config.kv_cache_quant_algo == null &&
    sizes.every((size) => size == null || size === 16);
  if (!fits) throw refuse('modelopt with quant_algo "NVFP4", groups of 16 and a cache that is not quantised');
  return everywhere('modelopt', scheme({ format: 'modelopt-nvfp4', code: 'e2m1', block: [1, 16] }));
}
