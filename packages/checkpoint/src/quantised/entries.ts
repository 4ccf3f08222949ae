import { type BlockScaledExpr, elementCount, type StoredTensor, type TensorExpr } from '@moepress/core';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { bytesOf } from '../tensor/read-tensor.js';

export { exprEntry };

/** A tensor byte for byte, in its own shape, which may have no axes. */
export function copiedEntry(name: string, tensor: StoredTensor): TensorEntry {
  const bytes: StoredTensor = { ...tensor, dtype: 'U8', shape: [tensor.length] };
  return { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => bytesOf(bytes), of: [bytes] };
}

/** Scales or zero points, with the axes that those of the file have. */
export function gridEntry(name: string, { gridAxes }: BlockScaledExpr, grid: TensorExpr): TensorEntry {
  const entry = exprEntry(name, grid);
  if (gridAxes === undefined) return entry;
  return { ...entry, shape: gridAxes === 0 ? [] : [elementCount(grid.shape)] };
}

/** Zero points that are stored like codes. */
export const zeroEntry = (name: string, of: BlockScaledExpr): TensorEntry[] =>
  of.zeros ? [gridEntry(name, of, of.zeros.of)] : [];

/** Shapes that a grid of scales may have in a file. */
export function gridShapes(grid: readonly [number, number]): (readonly number[])[] {
  return [grid, ...(grid[1] === 1 ? [[grid[0]]] : []), ...(grid[0] * grid[1] === 1 ? [[]] : [])];
}

/** How many axes a stored grid has; nothing where it has all. */
export function axesOf({ shape }: StoredTensor): Pick<BlockScaledExpr, 'gridAxes'> {
  return shape.length < 2 ? { gridAxes: shape.length as 0 | 1 } : {};
}

/** What goes with the weight unchanged. */
export const extraEntry = (stem: string, { extras }: BlockScaledExpr): TensorEntry[] =>
  Object.entries(extras)
    .filter(([suffix]) => suffix !== shapeSuffix && !suffix.endsWith('g_idx'))
    .map(([suffix, tensor]) => copiedEntry(stem + suffix, tensor));

export const shapeSuffix = '.weight_shape';

/** The shape of the weight as numbers of the type that the source has. */
export function shapeEntry(stem: string, { shape, extras }: BlockScaledExpr): TensorEntry {
  const dtype = extras[shapeSuffix]?.dtype ?? 'I64';
  const numbers = dtype === 'I32' ? Int32Array.from(shape) : BigInt64Array.from(shape, BigInt);
  return arrayEntry(stem + shapeSuffix, dtype, [shape.length], numbers);
}
