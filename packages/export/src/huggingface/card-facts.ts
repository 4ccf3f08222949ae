import type { CompressionPlan, Model, ParameterCounts } from '@moepress/core';
import type { EngineSupport } from '../engine-support.js';
import type { Arrangement } from './layout.js';
import type { PredictionLayers } from './prediction.js';

/** What the model card reports. */
export interface CardFacts {
  readonly model: Model;
  readonly base: Model | undefined;
  readonly plan: CompressionPlan | undefined;
  readonly form: Arrangement['form'];
  /** What each program makes of the folder. */
  readonly engines: readonly EngineSupport[];
  /** Whether tensors that the base stores quantised stay quantised. */
  readonly quantised: boolean;
  /** What weights were quantised to as they were written. */
  readonly quantise?: string | undefined;
  /** Weights that were quantised anew. */
  readonly requantised?: readonly string[];
  readonly prediction: PredictionLayers;
  /** Bytes of the weights as they are stored, copies and zeros included. */
  readonly bytes: { readonly routed: number; readonly whole: number };
  readonly parameters: ParameterCounts;
}

/** The file in which the text of a base that is not on the Hub is kept, beside the card. */
export const baseCardName = 'README.base.md';
