import type { Block, CalibrationSet, Model, Statistic, Work } from '@moepress/core';
import { isMeasured } from '../../decoder/statistics.js';
import type { Engine } from '../../engine/engine.js';
import type { EngineScope } from '../../engine/scope.js';
import { type BatchStates, hiddenKey, type Storage } from '../../states/batch-states.js';
import type { LayerSums } from '../layer-sums.js';

/** One pass over the calibration tokens that measures statistics of its kind. */
export interface PassRequest extends Work {
  readonly engine: Engine;
  readonly scope: EngineScope;
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  /** As in `CalibrationSet`; in the backward pass it is their loss that counts. */
  readonly counted?: CalibrationSet['counted'];
  readonly statistics: readonly Statistic[];
  /** Where the tensors between blocks may be stored. */
  readonly storage: Storage;
  /** Whether everything of these statistics has been measured in a block, by an earlier run that got past it. */
  isKnown(block: Block): boolean;
  /** Called once for every layer that is measured, as soon as it has been. */
  done(sums: LayerSums): Promise<void>;
}

/** The block where an earlier run stopped on its way up, if it has measured all layers below; else null. */
export async function resumeUp(
  states: BatchStates,
  { model, isKnown }: PassRequest,
  progress: LayerProgress,
): Promise<number | null> {
  const checkpoint = await states.resume(({ block }) => {
    return model.blocks.slice(0, block).every(isKnown) ? [hiddenKey(block)] : null;
  });
  if (checkpoint) progress.skip(checkpoint.block);
  return checkpoint?.block ?? null;
}

/** The model without the blocks above the last one where anything is measured. */
export function upToLastMeasured({ model, statistics }: Pick<PassRequest, 'model' | 'statistics'>): Model {
  const last = model.blocks.findLastIndex(isMeasuredBy(statistics));
  return { ...model, blocks: model.blocks.slice(0, last + 1) };
}

/** Whether any of the statistics is measured in a block. */
export const isMeasuredBy = (statistics: readonly Statistic[]) => (block: Block) =>
  statistics.some(({ target }) => isMeasured(block, target));

export type LayerProgress = ReturnType<typeof layerProgress>;

/** Reports the progress of a pass in tokens, which are through once they have passed all layers. */
export function layerProgress(task: string, { progress, sequences }: PassRequest, layers: number) {
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  let done = 0;
  progress?.({ type: 'start', task, total: tokens, unit: 'tokens' });
  const add = (tokensTimesLayers: number, note: string) => {
    done += tokensTimesLayers;
    progress?.({ type: 'advance', task, done: Math.floor(done / layers), note });
  };
  return {
    /** Layers that an earlier run is through. */
    skip: (count: number) => add(tokens * count, 'resumed'),
    advance: (count: number, layer: number) => add(count, `layer ${layer}`),
    end: () => progress?.({ type: 'end', task }),
  };
}
