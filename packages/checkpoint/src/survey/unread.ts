import { blockTensors, type Model, type StoredTensor, storedIn, type TensorExpr } from '@moepress/core';
import { openWeights } from '../folder/weights.js';

/**
 * Names of the tensors in a model's checkpoint that no part of the model reads, such as those of
 * extra prediction layers. In a view these are also the weights it dropped.
 * Throws what `openWeights` throws.
 */
export async function unreadTensors(model: Model): Promise<string[]> {
  const { tensors } = await openWeights(model.source.directory);
  // A fused tensor is read in slabs, which add their number to its name.
  const fileAndName = ({ file, name }: StoredTensor) => `${file}\0${name.replace(/\[\d+\]$/, '')}`;
  const read = new Set<string>();
  for (const expr of tensorsOf(model)) for (const tensor of storedIn(expr)) read.add(fileAndName(tensor));
  return [...tensors.values()]
    .filter((tensor) => !read.has(fileAndName(tensor)))
    .map(({ name }) => name)
    .sort();
}

const tensorsOf = ({ embed, head, finalNorm, blocks }: Model): TensorExpr[] => [
  embed,
  head,
  finalNorm,
  ...blocks.flatMap(blockTensors),
];
