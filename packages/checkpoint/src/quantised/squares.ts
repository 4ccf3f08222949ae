import { blockScaled } from '@moepress/core';
import { exprEntry } from '../safetensors/file-layout.js';
import { gridOf, type WeightFormat } from './weight-format.js';

/**
 * 8-bit floats with a scale for each square (DeepSeek-V3): `.weight` in F8_E4M3 and `.weight_scale_inv`, which multiplies, in
 * F32, in BF16, or as powers of two in F8_E8M0 (DeepSeek-V4). Squares may be cut off at the edges.
 */
export const squares: WeightFormat = {
  main: '.weight',
  transposed: false,
  open(files, scheme) {
    const { block } = scheme;
    return blockScaled({
      name: files.name,
      format: 'fp8',
      code: scheme.code,
      of: files.get('.weight', [files.shape], ['F8_E4M3']),
      scales: files.get('.weight_scale_inv', [gridOf(files.shape, block)], ['F32', 'BF16', 'F8_E8M0', 'U8']),
      block,
      dtype: files.dtype,
    });
  },
  steps: () => [1, 1],
  entries: (stem, { of, scales }) => [
    exprEntry(`${stem}.weight`, of),
    exprEntry(`${stem}.weight_scale_inv`, scales),
  ],
};
