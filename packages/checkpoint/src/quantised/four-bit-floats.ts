import {
  type BlockScaledExpr,
  blockScaled,
  type DType,
  packed,
  pairs,
  type QuantisedFormat,
  unpacked,
} from '@moepress/core';
import { arrayEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { copiedEntry, exprEntry, extraEntry } from './entries.js';
import { extrasOf, gridOf, scaleTypes, type WeightFormat } from './weight-format.js';

interface FourBitFormat {
  readonly format: QuantisedFormat;
  /** Suffixes of the codes and their scales. */
  readonly codes: string;
  readonly scaleTypes: readonly DType[];
  /** The scale of all scales; null: none. */
  readonly global: { readonly suffix: string; readonly divides: boolean } | null;
  readonly extras: readonly string[];
}

/** 4-bit floats (E2M1), two in a byte, and `.weight_scale` for neighbours in a row. */
function fourBitFloats({ format, codes, scaleTypes: types, global, extras }: FourBitFormat): WeightFormat {
  return {
    main: codes,
    transposed: false,
    open(files, scheme) {
      const { shape } = files;
      const { block } = scheme;
      return blockScaled({
        name: files.name,
        format,
        code: scheme.code,
        of: unpacked(files.get(codes, [[shape[0], Math.ceil(shape[1] / 2)]], ['U8']), pairs, shape),
        scales: files.get('.weight_scale', [gridOf(shape, block)], types),
        block,
        global: global && { of: files.get(global.suffix, [[1], []], ['F32']), divides: global.divides },
        extras: extrasOf(files, Object.fromEntries(extras.map((suffix) => [suffix, scaleTypes]))),
        dtype: files.dtype,
      });
    },
    // A row shorter than a block is no block of the format.
    steps: ({ format }) => [1, format === 'mxfp4-pack-quantized' ? 32 : 16],
    entries: (stem, of) => [
      exprEntry(stem + codes, packed(of.of, pairs)),
      exprEntry(`${stem}.weight_scale`, of.scales),
      ...globalEntry(stem, of, global?.suffix),
      ...extraEntry(stem, of),
    ],
  };
}

function globalEntry(stem: string, { global }: BlockScaledExpr, suffix: string | undefined): TensorEntry[] {
  if (!global || suffix === undefined) return [];
  const name = stem + suffix;
  const { of } = global;
  return [typeof of === 'number' ? arrayEntry(name, 'F32', [1], Float32Array.of(of)) : copiedEntry(name, of)];
}

/** NVFP4 of compressed-tensors: E4M3 scales of 16, which the global scale divides. */
export const nvfp4 = fourBitFloats({
  format: 'nvfp4-pack-quantized',
  codes: '.weight_packed',
  scaleTypes: ['F8_E4M3'],
  global: { suffix: '.weight_global_scale', divides: true },
  extras: ['.input_global_scale', '.input_scale'],
});

/** MXFP4 of compressed-tensors: powers of two for 32. */
export const mxfp4Pairs = fourBitFloats({
  format: 'mxfp4-pack-quantized',
  codes: '.weight_packed',
  scaleTypes: ['U8', 'F8_E8M0'],
  global: null,
  extras: [],
});

/** NVFP4 of ModelOpt: the same with a global scale that multiplies. */
export const modelOptNvfp4 = fourBitFloats({
  format: 'modelopt-nvfp4',
  codes: '.weight',
  scaleTypes: ['F8_E4M3'],
  global: { suffix: '.weight_scale_2', divides: false },
  extras: ['.input_scale'],
});
