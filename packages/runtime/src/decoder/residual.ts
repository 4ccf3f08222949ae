import type { Block, BlockNorms, Model, Value } from '@moepress/core';
import { add, timesNumber } from '@moepress/graph';
import { hiddenNormed } from './norm.js';

type Part = keyof Pick<BlockNorms, 'attention' | 'ffn'>;

/** What goes into attention or the FFN of a block where `x` [T, H] comes in. */
export function branchInput(
  x: Value,
  part: Part,
  { norms }: Block,
  { config }: Pick<Model, 'config'>,
): Value {
  return norms.place === 'after' ? x : hiddenNormed(x, normOf(norms, part), config);
}

const normOf = (norms: BlockNorms, part: Part) => ({
  weight: norms[part],
  bias: norms.bias?.[part] ?? null,
});

/** `x` [T, H] with what attention or the FFN made of it, `made` [T, H]. */
export function withBranch(
  x: Value,
  made: Value,
  {
    part,
    block,
    model,
  }: { readonly part: Part; readonly block: Block; readonly model: Pick<Model, 'config'> },
): Value {
  const { norms } = block;
  const { multipliers } = model.config;
  const branch = norms.place === 'after' ? hiddenNormed(made, normOf(norms, part), model.config) : made;
  return add(x, multipliers ? timesNumber(branch, multipliers.residual) : branch);
}
