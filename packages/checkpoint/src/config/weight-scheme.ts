import type { CodeType, QuantisedFormat } from '@moepress/core';

/** How config.json says that a weight is quantised. */
export interface WeightScheme {
  readonly format: QuantisedFormat;
  readonly code: CodeType;
  /** Rows [out] and columns [in] that share a scale; null: all of them. */
  readonly block: readonly [number | null, number | null];
  /** Whether zero points stand in the middle of the range. */
  readonly symmetric: boolean;
  /** Whether each column names its block. */
  readonly grouped: boolean;
  /** What is added to stored zero points. */
  readonly plus: number;
}

/** The weights that a scheme is for. */
export interface SchemeGroup {
  readonly scheme: WeightScheme;
  /** Names of modules, regular expressions after `re:`, and classes; null: all that are stored so. */
  readonly targets: readonly string[] | null;
}

/** What `quantization_config` says of the weights. */
export interface Quantisation {
  readonly method: 'mxfp4' | 'fp8' | 'compressed-tensors' | 'modelopt' | 'awq' | 'gptq';
  readonly groups: readonly SchemeGroup[];
  /** Modules that are plain although a group is for them; as targets. */
  readonly ignore: readonly string[];
}

const common = { symmetric: true, grouped: false, plus: 0 } as const;

/** A scheme with the parts that most have. */
export const scheme = (
  parts: Pick<WeightScheme, 'format' | 'code' | 'block'> & Partial<WeightScheme>,
): WeightScheme => ({ ...common, ...parts });

/** One scheme for all quantised weights. */
export const everywhere = (method: Quantisation['method'], of: WeightScheme): Quantisation => ({
  method,
  groups: [{ scheme: of, targets: null }],
  ignore: [],
});
