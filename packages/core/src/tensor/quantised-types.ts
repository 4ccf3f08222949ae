/**
 * By what names and types a quantised matrix is stored:
 * `mxfp4` (gpt-oss), `fp8` (DeepSeek's squares), the formats of compressed-tensors (`pack-quantized`, `naive-quantized` for
 * those whose codes are not packed, `nvfp4-pack-quantized`, `mxfp4-pack-quantized`), `modelopt-nvfp4`, `awq` and `gptq`.
 */
export type QuantisedFormat =
  | 'mxfp4'
  | 'fp8'
  | 'pack-quantized'
  | 'naive-quantized'
  | 'nvfp4-pack-quantized'
  | 'mxfp4-pack-quantized'
  | 'modelopt-nvfp4'
  | 'awq'
  | 'gptq';

/** What codes stand for: floats of few bits, signed and unsigned integers. */
export type CodeType = 'e2m1' | 'e4m3' | 'i8' | 'u4' | 'u8';

/** How codes lie in words. */
export interface Packing {
  /** Type of the words. */
  readonly dtype: 'U8' | 'I32';
  readonly bits: 4 | 8;
  /** The axis along which neighbours share a word: 0 rows, 1 columns. */
  readonly axis: 0 | 1;
  /** The place in the word of each of its codes, the lowest bits being place 0; null: in order. */
  readonly places: readonly number[] | null;
}

/** Codes that share a word. */
export const perWord = ({ dtype, bits }: Packing): number => (dtype === 'U8' ? 8 : 32) / bits;
