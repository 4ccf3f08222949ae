import { holdsNotFinite } from '@moepress/checkpoint';
import {
  attentionTensors,
  type Block,
  type Model,
  MoepressError,
  mlpTensors,
  storedIn,
  type TensorExpr,
} from '@moepress/core';
import type { Results } from '../engine/protocol.js';

/**
 * Checks the `finite` output of a block's run: the sum of the new hidden states. If they hold NaN or
 * infinity, finds the tensor that brought them in: throws `WEIGHTS_NOT_FINITE` naming tensor and
 * file, or the block if its weights are sound.
 */
export async function checkFinite(model: Model, block: Block, results: Results[number]): Promise<void> {
  if (Number.isFinite(Number(results.finite!.data[0]))) return;
  await explain([model.embed, ...blockTensors(block)], `layer ${block.index} of ${model.id}`);
}

/** The same for numbers that come out of the final norm and the head. */
export async function checkHeadFinite(model: Model, values: Iterable<number>): Promise<void> {
  for (const value of values) {
    if (Number.isFinite(value)) continue;
    await explain([model.finalNorm, model.head], `the head of ${model.id}`);
  }
}

async function explain(tensors: readonly TensorExpr[], where: string): Promise<never> {
  for (const expr of tensors) {
    for (const stored of storedIn(expr)) {
      if (!(await holdsNotFinite(stored))) continue;
      throw new MoepressError('WEIGHTS_NOT_FINITE', {
        message: `Tensor ${stored.name} holds NaN or infinity.`,
        where: stored.file,
      });
    }
  }
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: 'The activations overflow although the weights are finite.',
    where,
    mend: 'The checkpoint is probably damaged or of another architecture than its config.json says.',
  });
}

function* blockTensors(block: Block): Generator<TensorExpr> {
  yield* [block.norms.attention, block.norms.ffn, ...attentionTensors(block)];
  if (block.ffn.kind === 'dense') yield* mlpTensors(block.ffn.mlp);
  else {
    yield block.ffn.router.weight;
    for (const expert of block.ffn.pool) yield* mlpTensors(expert);
    if (block.ffn.shared) yield* mlpTensors(block.ffn.shared.mlp);
    if (block.ffn.shared?.gate) yield block.ffn.shared.gate;
  }
}
