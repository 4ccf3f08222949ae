import { blockTensors, type Model, type StoredTensor, storedIn, type TensorExpr } from '@moepress/core';

/** Names that fit into one line of a warning. */
const maxNames = 10;

/** Those of `tensors` that no part of a model reads, such as those of extra prediction layers, sorted by name. */
export function unreadOf(
  { embed, head, finalNorm, blocks }: Pick<Model, 'embed' | 'head' | 'finalNorm' | 'blocks'>,
  tensors: ReadonlyMap<string, StoredTensor>,
): StoredTensor[] {
  // A fused tensor is read in slabs, which add their number to its name.
  const fileAndName = ({ file, name }: StoredTensor) => `${file}\0${name.replace(/\[\d+\]$/, '')}`;
  const read = new Set<string>();
  const all: TensorExpr[] = [embed, head, finalNorm, ...blocks.flatMap(blockTensors)];
  for (const expr of all) for (const tensor of storedIn(expr)) read.add(fileAndName(tensor));
  return [...tensors.values()]
    .filter((tensor) => !read.has(fileAndName(tensor)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** One line that names tensors which are not used. */
export function describeUnread(unread: readonly StoredTensor[]): string {
  const shown = unread.slice(0, maxNames).map(({ name }) => name);
  const more = unread.length > maxNames ? ` and ${unread.length - maxNames} more` : '';
  const subject = unread.length === 1 ? '1 tensor belongs' : `${unread.length} tensors belong`;
  const verb = unread.length === 1 ? 'is' : 'are';
  return `${subject} to no part of the model and ${verb} not used: ${shown.join(', ')}${more}`;
}
