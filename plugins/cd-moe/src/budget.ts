import {
  elementCount,
  type Model,
  type MoeBlock,
  MoepressError,
  measure,
  mlpTensors,
  routerTensors,
  storedBytes,
  type TensorExpr,
} from '@moepress/core';
import type { CdMoeOptions } from './options.js';

type Asked = Pick<CdMoeOptions, 'ratio' | 'ratioOf' | 'condenseLayers'>;

/**
 * How many layers to condense: as many as asked for, or those whose removal comes nearest to the ratio, at
 * least one for any ratio above 0; null if neither is said. Throws `RATIO_TOO_HIGH` if there are not so many.
 */
export function countLayers(
  model: Model,
  blocks: readonly MoeBlock[],
  kept: number,
  { ratio, ratioOf, condenseLayers }: Asked,
): number | null {
  const tooMany = (problem: string, option: string) =>
    new MoepressError('RATIO_TOO_HIGH', {
      message: problem,
      where: `options.${option}`,
      hint: 'Condense fewer layers, or keep fewer experts in them.',
    });
  if (condenseLayers !== undefined) {
    if (condenseLayers <= blocks.length) return condenseLayers;
    throw tooMany(`The model has ${blocks.length} layers with experts.`, 'condenseLayers');
  }
  if (ratio === undefined) return null;
  if (ratio === 0) return 0;
  const each = removedShare(model, blocks, kept, ratioOf);
  const count = Math.max(1, Math.round(ratio / each));
  if (count <= blocks.length) return count;
  const most = (100 * each * blocks.length).toFixed(1);
  throw tooMany(`All ${blocks.length} layers condensed to ${kept} experts would remove ${most} %.`, 'ratio');
}

/** The average share that condensing a layer removes from the parameters or bytes that the ratio refers to. */
export function removedShare(
  model: Model,
  blocks: readonly MoeBlock[],
  kept: number,
  ratioOf: CdMoeOptions['ratioOf'],
): number {
  return (ratioOf === 'routed' ? routedShare : modelShare)(model, blocks, kept);
}

/** The part of all routed experts' parameters that a layer loses, on average. */
function routedShare(_: Model, blocks: readonly MoeBlock[], kept: number): number {
  const parameters = (tensors: readonly TensorExpr[]) =>
    tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const all = blocks.map((block) => parameters(expertTensors(block)));
  const lost = blocks.map((block, i) => all[i]! * lostShare(block, kept));
  return total(lost) / blocks.length / total(all);
}

/** The part of the whole model's bytes that a layer loses with its experts and its router, on average. */
function modelShare(model: Model, blocks: readonly MoeBlock[], kept: number): number {
  const bytes = (tensors: readonly TensorExpr[]) =>
    tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0);
  const lost = blocks.map(
    (block) => bytes(expertTensors(block)) * lostShare(block, kept) + bytes(routerTensors(block.ffn.router)),
  );
  return total(lost) / blocks.length / measure(model).total.bytes;
}

const expertTensors = ({ ffn }: MoeBlock): TensorExpr[] => ffn.pool.flatMap(mlpTensors);
const lostShare = ({ ffn }: MoeBlock, kept: number): number => 1 - kept / ffn.pool.length;
const total = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0);
