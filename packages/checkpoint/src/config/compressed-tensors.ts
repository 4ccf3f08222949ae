import type { CodeType, QuantisedFormat } from '@moepress/core';
import { z } from 'zod';
import { targetExpression } from './module-targets.js';
import { type Quantisation, type SchemeGroup, scheme, type WeightScheme } from './weight-scheme.js';

/** Numbers are looked at, activations only for whether there are any: weights are what moepress reads. */
const weightsSchema = z.object({
  num_bits: z.int(),
  type: z.string().default('int'),
  symmetric: z.boolean().default(true),
  strategy: z.string().nullish(),
  group_size: z.int().nullish(),
  block_structure: z.union([z.array(z.int()), z.string()]).nullish(),
  dynamic: z.union([z.boolean(), z.string()]).default(false),
  actorder: z.union([z.boolean(), z.string()]).nullish(),
});

const configSchema = z.object({
  format: z.string().nullish(),
  config_groups: z.record(
    z.string(),
    z.object({
      targets: z.array(z.string()).max(100_000),
      weights: weightsSchema.nullish(),
      output_activations: z.unknown().optional(),
      format: z.string().nullish(),
    }),
  ),
  ignore: z.array(z.string()).max(1_000_000).nullish(),
  kv_cache_scheme: z.unknown().optional(),
  sparsity_config: z.object({ format: z.string() }).nullish(),
  transform_config: z.unknown().optional(),
});

type Weights = z.infer<typeof weightsSchema>;

/** What is wrong with a configuration that is not read; a sentence without its full stop. */
export type Refusal = (need: string) => Error;

/** `quantization_config` of compressed-tensors. Throws what `refuse` makes for what is not implemented, `invalid` for no configuration. */
export function readCompressedTensors(value: unknown, refuse: Refusal, invalid: Refusal): Quantisation {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue!.path.join('.')}: ${issue!.message}`);
  }
  const config = parsed.data;
  if (config.kv_cache_scheme != null)
    throw refuse('a cache of keys and values that is not quantised (kv_cache_scheme null)');
  if (isFilled(config.transform_config))
    throw refuse('weights that are not transformed (no transform_config)');
  if (config.sparsity_config && config.sparsity_config.format !== 'dense')
    throw refuse('dense weights (sparsity_config of format "dense")');
  const ignore = config.ignore ?? [];
  const groups: SchemeGroup[] = [];
  for (const { targets, weights, output_activations, format } of Object.values(config.config_groups)) {
    if (output_activations != null) throw refuse('outputs that are not quantised (output_activations null)');
    if (weights == null) continue;
    groups.push({ targets, scheme: schemeOfWeights(weights, format ?? config.format ?? '', refuse) });
  }
  for (const target of [...ignore, ...groups.flatMap(({ targets }) => targets ?? [])]) {
    if (target.startsWith('re:') && targetExpression(target) === null)
      throw refuse(
        `a simple regular expression, which ${JSON.stringify(target.slice(0, 80))} is not, for "targets" and "ignore"`,
      );
  }
  if (groups.length === 0) throw refuse('at least one config group with weights');
  return { method: 'compressed-tensors', groups, ignore };
}

const isFilled = (value: unknown): boolean =>
  value != null && (typeof value !== 'object' || Object.keys(value).length > 0);

function schemeOfWeights(weights: Weights, format: string, refuse: Refusal): WeightScheme {
  if (weights.dynamic !== false) throw refuse('static weights (dynamic false)');
  const { symmetric } = weights;
  const grouped = isGrouped(weights, refuse);
  const block = blockOf(weights, refuse);
  const stored = storedAs(weights, format, refuse);
  const isFloat = weights.type === 'float';
  if (stored.format === 'pack-quantized' && !symmetric && block[0] !== 1)
    throw refuse('zero points of groups and channels for pack-quantized');
  if (isFloat && !symmetric) throw refuse('symmetric weights for floats (symmetric true)');
  if (grouped && weights.strategy !== 'group' && weights.group_size == null)
    throw refuse('actorder "group" with the strategy "group"');
  if (
    stored.code === 'e2m1' &&
    (block[0] !== 1 || block[1] !== (stored.format === 'nvfp4-pack-quantized' ? 16 : 32))
  )
    throw refuse('groups of 16 for NVFP4 and of 32 for MXFP4');
  return scheme({ ...stored, block, symmetric, grouped });
}

/** Whether each column names its group. */
function isGrouped({ actorder }: Weights, refuse: Refusal): boolean {
  if (actorder == null || actorder === false || actorder === 'weight' || actorder === 'static') return false;
  if (actorder === true || actorder === 'group' || actorder === 'dynamic') return true;
  throw refuse('actorder "group", "weight" or null');
}

function blockOf(weights: Weights, refuse: Refusal): WeightScheme['block'] {
  const { group_size: group, block_structure: given } = weights;
  const inferred = group == null ? 'tensor' : group > 0 ? 'group' : 'channel';
  const strategy = weights.strategy ?? inferred;
  if (strategy === 'tensor') return [null, null];
  if (strategy === 'channel') return [1, null];
  if (strategy === 'group' || strategy === 'tensor_group') {
    if (group != null && group > 0) return [1, group];
    throw refuse('a positive group_size for groups');
  }
  if (strategy === 'block') {
    const sizes = typeof given === 'string' ? given.split('x').map(Number) : given;
    if (sizes?.length === 2 && sizes.every((n) => Number.isInteger(n) && n > 0))
      return [sizes[0]!, sizes[1]!];
    throw refuse('a block_structure of two positive sizes');
  }
  throw refuse('a strategy among tensor, channel, group, tensor_group and block');
}

/** The formats by the types of weights that they can hold. */
function storedAs(
  { num_bits: bits, type, group_size: group }: Weights,
  format: string,
  refuse: Refusal,
): { format: QuantisedFormat; code: CodeType } {
  const kind = `${type}${bits}`;
  if (kind === 'float4') {
    const own = group === 16 ? 'nvfp4-pack-quantized' : 'mxfp4-pack-quantized';
    if (format === own) return { format: own, code: 'e2m1' };
    throw refuse(`the format "${own}" for floats of 4 bits in groups of ${group}`);
  }
  if (format === 'pack-quantized' && (kind === 'int4' || kind === 'int8'))
    return { format, code: bits === 4 ? 'u4' : 'u8' };
  const naive = ['int-quantized', 'naive-quantized', 'float-quantized'].includes(format);
  if (naive && (kind === 'int4' || kind === 'int8') && format !== 'float-quantized')
    return { format: 'naive-quantized', code: 'i8' };
  if (naive && kind === 'float8' && format !== 'int-quantized')
    return { format: 'naive-quantized', code: 'e4m3' };
  throw refuse(
    'pack-quantized with INT4 or INT8, int-quantized with INT4 or INT8, float-quantized with FP8, naive-quantized with either, nvfp4-pack-quantized or mxfp4-pack-quantized',
  );
}
