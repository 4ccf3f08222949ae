import {
  attentionTensors,
  type Block,
  elementCount,
  hasAttention,
  type Model,
  mlpTensors,
  routerTensors,
  sharedTensors,
  type TensorExpr,
} from '@moepress/core';

/** Multiplications and additions of the products with some weights, a token: two for each of them. */
const flopsOf = (tensors: readonly TensorExpr[]): number =>
  2 * tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);

/** How many of its experts a block computes for a token. */
export type Experts = 'chosen' | 'all';

/**
 * Multiplications and additions that a block takes for a token of a sequence of `length`: products with weights, and of
 * causal attention half of its square (4 T d heads / 2, as in Kaplan et al., arXiv 2001.08361, section 2.1).
 */
export function blockFlops(
  { config }: Model,
  block: Block,
  length: number,
  experts: Experts = 'chosen',
): number {
  const { ffn } = block;
  const scores = hasAttention(block) ? 2 * length * config.heads * config.headDim : 0;
  const own = flopsOf(attentionTensors(block)) + scores;
  const shared = ffn.shared ? flopsOf(sharedTensors(ffn.shared)) : 0;
  if (ffn.kind === 'none') return own;
  if (ffn.kind === 'dense') return own + shared + flopsOf(mlpTensors(ffn.mlp));
  const pool = flopsOf(ffn.pool.flatMap(mlpTensors));
  const computed = experts === 'all' ? 1 : Math.min(1, ffn.router.topK / ffn.pool.length);
  return own + shared + flopsOf(routerTensors(ffn.router)) + computed * pool;
}

/** The same of the product with the vocabulary. */
export const headFlops = ({ head }: Model): number => flopsOf([head]);
