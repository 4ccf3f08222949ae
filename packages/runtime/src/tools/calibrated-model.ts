import type { Model } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { batchSequences } from '../tokens/batch-sequences.js';
import type { Layout } from '../tokens/token-layout.js';

/** The model, engine and calibration data of tools that run the model. */
export interface CalibratedModel {
  readonly engine: Engine;
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  /** Bytes that states may take at once; by default what the engine's memory allows. */
  readonly carried?: number | undefined;
}

/** The batches the sequences go through the model in; of at most so many tokens, as the engine's by default. */
export function layoutsOf(
  { engine, model, sequences }: CalibratedModel,
  { tokens }: { readonly tokens: number } = engine.limits,
): Layout[] {
  return batchSequences(sequences, { ...engine.limits, tokens, heads: model.config.heads });
}

/** The number of sequences in the mean. */
export const sequencesIn = (layouts: readonly Layout[]): number =>
  layouts.reduce((sum, { lengths }) => sum + lengths.length, 0);

export const tokensIn = (layouts: readonly Layout[]): number =>
  layouts.reduce((sum, { ids }) => sum + ids.length, 0);
