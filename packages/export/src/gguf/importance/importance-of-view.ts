import type { Expert, Model } from '@moepress/core';
import type { Importance, TensorImportance } from './importance.js';

const expertTensor = /^blk\.(\d+)\.ffn_(gate|up|down)_exps\.weight$/;

/**
 * The importance of a tensor of a view where it was measured on the original: rows of the experts that stay, columns of
 * the channels that stay. Undefined where the view's experts cannot be told among those of the original.
 */
export function importanceOfView(
  name: string,
  model: Model,
  { tensors }: Importance,
): TensorImportance | undefined {
  const [, layer, part] = expertTensor.exec(name) ?? [];
  const block = layer === undefined ? undefined : model.blocks.find(({ index }) => index === Number(layer));
  if (block?.ffn.kind !== 'moe') return undefined;
  const { pool, slots } = block.ffn;
  const experts = slots.map((position) => pool[position]!);
  const columns = (part === 'down' ? experts[0]!.down : experts[0]!.up).shape[1]!;
  const squares = new Float32Array(experts.length * columns);
  const counts = new Float32Array(experts.length);
  for (const [slot, expert] of experts.entries()) {
    const source = tensors.get(`blk.${expert.origin.layer}.ffn_${part}_exps.weight`);
    const row = source && rowOf(source, expert, part === 'down', columns);
    if (!row) return undefined;
    squares.set(row, slot * columns);
    counts[slot] = source.counts[expert.origin.index]!;
  }
  return { squares, counts };
}

/**
 * The row of an expert of the original, as many of the [columns] as it has; undefined where there is none of its size. With `isCut`
 * the columns are channels, of which the expert may have lost some. A merged expert has that of the first of its group.
 */
function rowOf(
  { squares, counts }: TensorImportance,
  { origin, kept }: Expert,
  isCut: boolean,
  columns: number,
): Float32Array | undefined {
  const own = squares.length / counts.length;
  if (origin.index >= counts.length) return undefined;
  const row = squares.subarray(origin.index * own, (origin.index + 1) * own);
  if (!isCut) return own === columns ? row : undefined;
  // Columns of zeros that were added to it count nothing.
  if (!kept) return own <= columns ? row : undefined;
  if (kept.of !== own) return undefined;
  return Float32Array.from(kept.channels, (channel) => row[channel]!);
}
