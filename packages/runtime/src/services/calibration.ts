import type { Model } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { batchSequences } from '../forward/batches.js';
import type { Layout } from '../forward/layout.js';

/** What services that run the model are bound to. */
export interface CalibratedModel {
  readonly engine: Engine;
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  /** Bytes that states may take at once. */
  readonly memory: number;
}

/** The batches the sequences go through the model in. */
export function layoutsOf({ engine, model, sequences }: CalibratedModel): Layout[] {
  return batchSequences(sequences, { ...engine.limits, heads: model.config.heads });
}

/** How many sequences there are to take a mean over. */
export const sequencesIn = (layouts: readonly Layout[]): number =>
  layouts.reduce((sum, { lengths }) => sum + lengths.length, 0);

export const tokensIn = (layouts: readonly Layout[]): number =>
  layouts.reduce((sum, { ids }) => sum + ids.length, 0);
