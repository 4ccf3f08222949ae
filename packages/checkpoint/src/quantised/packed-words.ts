import { blockScaled, type Packing, packed, perWord, unpacked } from '@moepress/core';
import { axesOf, exprEntry, extraEntry, gridEntry, gridShapes, shapeEntry, shapeSuffix } from './entries.js';
import { groupEntry, orderOfColumns, takeGroups } from './groups.js';
import { extrasOf, gridOf, groupStep, scaleTypes, type WeightFormat } from './weight-format.js';

/** Along the row, and for zero points along the column. */
export const words = (code: string, axis: 0 | 1): Packing => ({
  dtype: 'I32',
  bits: code === 'u4' ? 4 : 8,
  axis,
  places: null,
});

/**
 * compressed-tensors' pack-quantized: integers of 4 or 8 bits with half the range added, in order in words of 32 bits.
 * `.weight_packed` [out, words], `.weight_scale` [out, groups], `.weight_shape`, `.weight_zero_point` [words, groups] packed
 * along its columns, `.weight_g_idx` [in].
 */
export const packedWords: WeightFormat = {
  main: '.weight_packed',
  transposed: false,
  open(files, scheme) {
    const { shape } = files;
    const { block } = scheme;
    const grid = gridOf(shape, block);
    const [along, down] = [words(scheme.code, 1), words(scheme.code, 0)];
    const count = perWord(along);
    const codes = files.get('.weight_packed', [[shape[0], Math.ceil(shape[1] / count)]], ['I32']);
    const inWords = [Math.ceil(grid[0] / count), grid[1]];
    const points = scheme.symmetric
      ? null
      : unpacked(files.get('.weight_zero_point', [inWords], ['I32']), down, grid);
    const scales = files.get('.weight_scale', gridShapes(grid), scaleTypes);
    const order = takeGroups(files, scheme, orderOfColumns);
    return blockScaled({
      name: files.name,
      format: 'pack-quantized',
      code: scheme.code,
      of: unpacked(codes, along, shape),
      scales: { ...scales, shape: grid },
      zeros: points && { of: points, plus: 0, fixed: false },
      zero: scheme.code === 'u4' ? 8 : 128,
      block,
      ...axesOf(scales),
      groups: order.groups,
      extras: {
        ...order.extras,
        ...extrasOf(files, { '.input_scale': scaleTypes, '.input_global_scale': ['F32'] }),
        [shapeSuffix]: files.get(shapeSuffix, [[2]], ['I64', 'I32']),
      },
      dtype: files.dtype,
    });
  },
  steps: (of) => [1, groupStep(of, 1)],
  entries: (stem, of) => [
    exprEntry(`${stem}.weight_packed`, packed(of.of, words(of.code, 1))),
    gridEntry(`${stem}.weight_scale`, of, of.scales),
    ...(of.zeros ? [exprEntry(`${stem}.weight_zero_point`, packed(of.zeros.of, words(of.code, 0)))] : []),
    ...groupEntry(stem, of, orderOfColumns.suffix, 1),
    shapeEntry(stem, of),
    ...extraEntry(stem, of),
  ],
};
