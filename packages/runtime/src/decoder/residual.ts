import type { Block, BlockNorms, Model, Value } from '@moepress/core';
import { add, mul, timesNumber } from '@moepress/graph';
import { hiddenNormed, unweighted } from './norm.js';
import { weightFor } from './weights.js';

type Part = keyof Pick<BlockNorms, 'attention' | 'ffn'>;
type Config = Pick<Model, 'config'>;

/** What goes into the attention of a block where `x` [T, H] comes in. */
export const attentionInput = (x: Value, { norms }: Block, { config }: Config): Value =>
  branchInput(x, norms, 'attention', config);

/** What goes into the FFN of a block where `came` [T, H] comes in and attention made `residual` [T, H] of it. */
export function ffnInputOf(
  { came, residual }: { readonly came: Value; readonly residual: Value },
  { norms }: Block,
  { config }: Config,
): Value {
  if (norms.parallel) return branchInput(came, norms, 'attention', config);
  return norms.parts ? unweighted(residual, config) : branchInput(residual, norms, 'ffn', config);
}

function branchInput(x: Value, norms: BlockNorms, part: Part, config: Model['config']): Value {
  return norms.place === 'after' ? x : hiddenNormed(x, normOf(norms, part), config);
}

const normOf = (norms: BlockNorms, part: Part) => ({
  weight: norms[part]!,
  bias: norms.bias?.[part] ?? null,
});

/** `x` [T, H] with what attention or the FFN made of it, `made` [T, H]; the FFN is the last. */
export function withBranch(
  x: Value,
  made: Value,
  { part, block, model }: { readonly part: Part; readonly block: Block; readonly model: Config },
): Value {
  const { norms, outputScale } = block;
  const { multipliers } = model.config;
  const behind =
    norms.place === 'after' ? normOf(norms, part) : norms.after && { weight: norms.after[part]!, bias: null };
  const branch = behind ? hiddenNormed(made, behind, model.config) : made;
  const sum = add(x, multipliers ? timesNumber(branch, multipliers.residual) : branch);
  return part === 'ffn' && outputScale ? mul(sum, weightFor(sum, outputScale)) : sum;
}
