import {
  type BlockScaledExpr,
  blockScaled,
  packed,
  pairs,
  type StoredTensor,
  unpacked,
} from '@moepress/core';
import { exprEntry, stackEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { gridOf, type WeightFormat } from './weight-format.js';

/**
 * MXFP4 of gpt-oss: 4-bit floats (E2M1), two in a byte, 32 neighbours of a row sharing a power of two. The experts of a
 * layer lie in one tensor, `_blocks` [experts, out, in / 32, 16], with `_scales` without the last axis. What stands by itself,
 * such as an expert of a width of its own, has the same names without the first axis.
 */
export const stacks: WeightFormat = {
  main: '.weight_blocks',
  transposed: false,
  open(files, scheme) {
    const { shape } = files;
    const { block } = scheme;
    const grid = gridOf(shape, block);
    const blocks = files.get('.weight_blocks', [[...grid, 16]], ['U8']);
    return blockScaled({
      name: files.name,
      format: 'mxfp4',
      code: scheme.code,
      of: codesOf(blocks, shape),
      scales: files.get('.weight_scales', [grid], ['U8']),
      block,
      dtype: files.dtype,
    });
  },
  steps: () => [1, 32],
  entries: (stem, of) => [
    {
      ...exprEntry(`${stem}.weight_blocks`, packed(of.of, pairs)),
      shape: [of.shape[0]!, of.shape[1]! / 32, 16],
    },
    exprEntry(`${stem}.weight_scales`, of.scales),
  ],
};

/** The codes of a matrix, stored as [out, in / 32, 16]. */
export const codesOf = (blocks: StoredTensor, shape: readonly [number, number]) =>
  unpacked({ ...blocks, shape: [shape[0], shape[1] / 2] }, pairs, shape);

/** The experts of a layer, all of one shape. */
export function stackedEntries(name: string, experts: readonly BlockScaledExpr[]): TensorEntry[] {
  const [first] = experts as [BlockScaledExpr];
  const shape = [first.shape[0]!, first.shape[1]! / 32, 16];
  return [
    stackEntry(
      `${name}_blocks`,
      experts.map(({ of }) => packed(of, pairs)),
      shape,
    ),
    stackEntry(
      `${name}_scales`,
      experts.map(({ scales }) => scales),
    ),
  ];
}
