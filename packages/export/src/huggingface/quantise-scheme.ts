import type { BlockScaledExpr, DType, EncodingScheme, GlobalScale, QuantisedFormat } from '@moepress/core';
import { blockScaled, encoded, type TensorExpr } from '@moepress/core';

/** What weights can be quantised to when they are written. */
export const quantiseChoices = ['int4', 'int8', 'fp8', 'mxfp4', 'nvfp4'] as const;
export type QuantiseChoice = (typeof quantiseChoices)[number];

/** Whether weights have to be read before it is known how they are scaled. */
export const hasGlobalScales = (choice: QuantiseChoice): boolean => choice === 'nvfp4';

/** How all weights are quantised, and how config.json tells it. */
export interface QuantiseScheme {
  readonly format: QuantisedFormat;
  readonly code: EncodingScheme['code'];
  readonly scale: DType;
  readonly block: BlockScaledExpr['block'];
  /** Whether each weight has a global scale, by its largest number. */
  readonly hasGlobal: boolean;
  /** `quantization_config`, given the names of the modules that stay plain. */
  config(plain: readonly string[]): Record<string, unknown>;
}

/** Sizes of groups that engines have kernels for, the cheapest first. */
const groupSizes = [128, 64, 32];

/** The scheme for weights with these shapes [out, in]. */
export function schemeFor(choice: QuantiseChoice, shapes: readonly (readonly number[])[]): QuantiseScheme {
  const fits = (size: number, axes: readonly (0 | 1)[]) =>
    shapes.every((shape) => axes.every((axis) => shape[axis]! % size === 0));
  switch (choice) {
    case 'int4':
    case 'int8':
      return integers(choice === 'int4' ? 4 : 8, groupSizes.find((size) => fits(size, [1])) ?? null);
    case 'fp8':
      return fits(128, [0, 1]) ? squares(128) : channels;
    case 'mxfp4':
      return floats('mxfp4-pack-quantized', 32, 'U8', 'group');
    case 'nvfp4':
      return floats('nvfp4-pack-quantized', 16, 'F8_E4M3', 'tensor_group');
  }
}

/** MXFP4 of gpt-oss, whose experts lie in one tensor; its config.json names what is not quantised. */
export const stackedFloats: QuantiseScheme = {
  format: 'mxfp4',
  code: 'e2m1',
  scale: 'U8',
  block: [1, 32],
  hasGlobal: false,
  config: () => ({
    quant_method: 'mxfp4',
    modules_to_not_convert: [
      'model.layers.*.self_attn',
      'model.layers.*.mlp.router',
      'model.embed_tokens',
      'lm_head',
    ],
  }),
};

/** What the width of an expert should be a multiple of, so that its rows go into whole blocks. */
export const widthStep = (choice: QuantiseChoice | undefined): number =>
  choice === 'nvfp4' ? 16 : choice === 'int4' || choice === 'mxfp4' ? 32 : 1;

/** A weight by a scheme; `largest`: its largest magnitude, where the scheme has global scales. */
export function quantisedBy(
  { format, code, scale, block, hasGlobal }: QuantiseScheme,
  name: string,
  of: TensorExpr,
  largest: number,
): BlockScaledExpr {
  const [height, width] = of.shape as [number, number];
  // The largest scale is the largest that E4M3 has, for the largest number over that of E2M1.
  const global: GlobalScale | null = hasGlobal
    ? { of: Math.fround(largest > 0 ? (448 * 6) / largest : 1), divides: true }
    : null;
  const scheme: EncodingScheme = {
    code,
    scale,
    block: [block[0] ?? height, block[1] ?? width],
    asymmetric: false,
    global,
    plus: 0,
  };
  return blockScaled({
    name,
    format,
    code,
    of: encoded(of, scheme, 'codes'),
    scales: encoded(of, scheme, 'scales'),
    block,
    global,
    zero: code === 'u4' ? 8 : code === 'u8' ? 128 : 0,
    dtype: of.dtype,
  });
}

const integers = (bits: 4 | 8, group: number | null): QuantiseScheme => ({
  format: 'pack-quantized',
  code: bits === 4 ? 'u4' : 'u8',
  scale: 'BF16',
  block: [1, group],
  hasGlobal: false,
  config: compressed('pack-quantized', {
    num_bits: bits,
    type: 'int',
    strategy: group === null ? 'channel' : 'group',
    ...(group !== null && { group_size: group }),
  }),
});

/** One scale for each row; engines quantise activations by tokens. */
const channels: QuantiseScheme = {
  format: 'naive-quantized',
  code: 'e4m3',
  scale: 'F32',
  block: [1, null],
  hasGlobal: false,
  config: compressed(
    'float-quantized',
    { num_bits: 8, type: 'float', strategy: 'channel' },
    { num_bits: 8, type: 'float', strategy: 'token', symmetric: true, dynamic: true },
  ),
};

const squares = (size: number): QuantiseScheme => ({
  format: 'fp8',
  code: 'e4m3',
  scale: 'F32',
  block: [size, size],
  hasGlobal: false,
  config: (plain) => ({
    quant_method: 'fp8',
    fmt: 'e4m3',
    activation_scheme: 'dynamic',
    weight_block_size: [size, size],
    modules_to_not_convert: plain,
  }),
});

const floats = (
  format: 'mxfp4-pack-quantized' | 'nvfp4-pack-quantized',
  size: number,
  scale: DType,
  strategy: string,
): QuantiseScheme => ({
  format,
  code: 'e2m1',
  scale,
  block: [1, size],
  hasGlobal: format === 'nvfp4-pack-quantized',
  config: compressed(format, { num_bits: 4, type: 'float', strategy, group_size: size }),
});

/** What compressed-tensors has in config.json: all linear modules but those that stay plain. */
function compressed(
  format: string,
  weights: Readonly<Record<string, unknown>>,
  inputs: Readonly<Record<string, unknown>> | null = null,
): QuantiseScheme['config'] {
  return (plain) => ({
    quant_method: 'compressed-tensors',
    format,
    quantization_status: 'compressed',
    config_groups: {
      group_0: {
        targets: ['Linear'],
        weights: { ...weights, symmetric: true, dynamic: false },
        input_activations: inputs,
        output_activations: null,
      },
    },
    ignore: plain,
    kv_cache_scheme: null,
  });
}
