import type { Block, BlockNorms, Model, Value } from '@moepress/core';
import { add, rmsNorm, timesNumber } from '@moepress/graph';
import { weightFor } from './weights.js';

type Part = keyof Pick<BlockNorms, 'attention' | 'ffn'>;

/** What goes into attention or the FFN of a block where `x` [T, H] comes in. */
export function branchInput(
  x: Value,
  part: Part,
  { norms }: Block,
  { config }: Pick<Model, 'config'>,
): Value {
  return norms.place === 'after' ? x : rmsNorm(x, weightFor(x, norms[part]), config.rmsNormEps);
}

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
  const { rmsNormEps, multipliers } = model.config;
  const normed = norms.place === 'after' ? rmsNorm(made, weightFor(made, norms[part]), rmsNormEps) : made;
  return add(x, multipliers ? timesNumber(normed, multipliers.residual) : normed);
}
