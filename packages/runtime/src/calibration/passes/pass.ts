import type { Model, Statistic, Work } from '@moepress/core';
import type { Engine } from '../../engine/engine.js';
import type { Results } from '../../engine/protocol.js';
import { LayerSums } from '../accumulate.js';

/** One pass over the calibration tokens that measures statistics of its kind. */
export interface PassRequest extends Work {
  readonly engine: Engine;
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  readonly statistics: readonly Statistic[];
  /** Called once for every MoE layer, as soon as it has been measured. */
  done(sums: LayerSums): void;
}

/** Adds up in the order of the batches, whichever worker was first: sums of floats depend on it. */
export function addUp(layer: number, measured: Results, outputs: readonly string[]): LayerSums {
  const sums = new LayerSums(layer);
  for (const results of measured) for (const output of outputs) sums.add(output, results[output]!);
  return sums;
}

/** The model without the blocks above its last MoE block, where nothing is measured. */
export function upToLastMoe(model: Model): Model {
  const last = model.blocks.findLastIndex(({ ffn }) => ffn.kind === 'moe');
  return { ...model, blocks: model.blocks.slice(0, last + 1) };
}

/** Tells how far a pass is, in tokens times layers. */
export function layerProgress(task: string, { progress, sequences }: PassRequest, layers: number) {
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  let done = 0;
  progress?.({ type: 'start', task, total: tokens * layers, unit: 'token-layers' });
  return {
    advance(count: number, layer: number) {
      done += count;
      progress?.({ type: 'advance', task, done, note: `layer ${layer}` });
    },
    end: () => progress?.({ type: 'end', task }),
  };
}
