import {
  checkDropping,
  type Dropping,
  type Model,
  type MoeBlock,
  moeBlocks,
  runsOf,
  shareOf,
} from '@moepress/core';

/** A layer, and of each run of experts that are ranked against each other how many leave. */
export interface RunsOfLayer {
  readonly block: MoeBlock;
  readonly runs: readonly (readonly number[])[];
  readonly leaving: number;
}

/**
 * The layers of a model from which a share of the experts is to be dropped, in every layer and every group of a router the same.
 * Throws what `dropLowest` throws before anything is measured.
 */
export function runsToDrop(model: Model, ratio: number): RunsOfLayer[] {
  const dropping: Dropping = { ratio, budgetName: 'uniform', isUniform: true, setsSize: false };
  checkDropping(model, dropping);
  return moeBlocks(model).map((block) => ({
    block,
    runs: runsOf(block.ffn, dropping),
    leaving: shareOf(block.ffn, dropping),
  }));
}
