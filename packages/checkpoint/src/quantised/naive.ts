import { blockScaled, type StoredTensor } from '@moepress/core';
import { axesOf, exprEntry, extraEntry, gridEntry, gridShapes, zeroEntry } from './entries.js';
import { groupEntry, orderOfColumns, takeGroups } from './groups.js';
import { extrasOf, gridOf, groupStep, scaleTypes, type WeightFormat } from './weight-format.js';

/**
 * compressed-tensors without packing (float-quantized, int-quantized, naive-quantized): `.weight` in F8_E4M3 or I8,
 * `.weight_scale`, `.weight_zero_point` in I8, and what engines quantise activations by.
 */
export const naive: WeightFormat = {
  main: '.weight',
  transposed: false,
  open(files, scheme) {
    const { block } = scheme;
    const grid = gridOf(files.shape, block);
    const scales = files.get('.weight_scale', gridShapes(grid), scaleTypes);
    const order = takeGroups(files, scheme, orderOfColumns);
    const asGrid = (tensor: StoredTensor): StoredTensor => ({ ...tensor, shape: grid });
    return blockScaled({
      name: files.name,
      format: 'naive-quantized',
      code: scheme.code,
      of: files.get('.weight', [files.shape], [scheme.code === 'e4m3' ? 'F8_E4M3' : 'I8']),
      scales: asGrid(scales),
      zeros: scheme.symmetric
        ? null
        : { of: asGrid(files.get('.weight_zero_point', gridShapes(grid), ['I8'])), plus: 0, fixed: false },
      block,
      ...axesOf(scales),
      groups: order.groups,
      extras: {
        ...order.extras,
        ...extrasOf(files, { '.input_scale': scaleTypes, '.input_zero_point': ['I8'] }),
      },
      dtype: files.dtype,
    });
  },
  steps: (of) => [1, of.block[0] === 1 ? groupStep(of, 1) : 1],
  entries: (stem, of) => [
    exprEntry(`${stem}.weight`, of.of),
    gridEntry(`${stem}.weight_scale`, of, of.scales),
    ...zeroEntry(`${stem}.weight_zero_point`, of),
    ...groupEntry(stem, of, orderOfColumns.suffix, 1),
    ...extraEntry(stem, of),
  ],
};
