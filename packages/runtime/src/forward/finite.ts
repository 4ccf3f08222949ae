import { hasNonFinite } from '@moepress/checkpoint';
import {
  type Block,
  blockTensors,
  headTensors,
  type Model,
  MoepressError,
  operandsOf,
  storedIn,
  type TensorExpr,
} from '@moepress/core';
import type { Results } from '../engine/protocol.js';

/**
 * Checks the `finite` output of a block's run: the sum of the new hidden states. If they hold NaN or
 * infinity, finds the tensor that brought them in: throws `WEIGHTS_NOT_FINITE` naming tensor and
 * file, or the block if its weights are sound.
 */
export async function assertFinite(model: Model, block: Block, results: Results[number]): Promise<void> {
  if (Number.isFinite(Number(results.finite!.data[0]))) return;
  await throwNotFinite([model.embed, ...blockTensors(block)], `layer ${block.index} of ${model.id}`);
}

/** The same check for the results of all blocks and the head together. */
export async function assertModelFinite(model: Model, sum: number): Promise<void> {
  if (Number.isFinite(sum)) return;
  const { embed, blocks } = model;
  await throwNotFinite([embed, ...blocks.flatMap(blockTensors), ...headTensors(model)], model.id);
}

/** The same check for the results of the final norm and the head. */
export async function assertHeadFinite(model: Model, values: Iterable<number>): Promise<void> {
  for (const value of values) {
    if (Number.isFinite(value)) continue;
    await throwNotFinite(headTensors(model), `the head of ${model.id}`);
  }
}

async function throwNotFinite(tensors: readonly TensorExpr[], where: string): Promise<never> {
  for (const tensor of tensors.flatMap((expr) => [...floatsIn(expr)])) {
    if (!(await hasNonFinite(tensor))) continue;
    const { name, file } = storedIn(tensor).next().value!;
    throw new MoepressError('WEIGHTS_NOT_FINITE', {
      message: `Tensor ${name} contains NaN or infinity.`,
      where: file,
    });
  }
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: 'The activations overflow although the weights are finite.',
    where,
    hint: 'The checkpoint is probably damaged or of another architecture than its config.json says.',
  });
}

/** What an expression reads, as far down as it is floats: bytes and scales are no numbers by themselves. */
function* floatsIn(expr: TensorExpr): Generator<TensorExpr> {
  if (expr.kind === 'stored' || expr.kind === 'block-scaled' || expr.kind === 'ggml') yield expr;
  else for (const operand of operandsOf(expr)) yield* floatsIn(operand);
}
