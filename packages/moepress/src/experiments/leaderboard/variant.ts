import { type FoundMethod, type Model, parseOptions, type Work } from '@moepress/core';
import { modelIdentity } from '@moepress/runtime';
import { companionsHash } from '../../models/companions.js';
import { addressOf } from '../address.js';
import type { RecipeMethod } from './recipe.js';

/** One way to compress a model, from which a plan is made. */
export interface Compression {
  readonly found: FoundMethod;
  readonly method: Pick<RecipeMethod, 'method' | 'label' | 'options' | 'propagate'>;
  /** Null where the options set how much is removed. */
  readonly ratio: number | null;
  readonly seed: number;
  /** What it measures on, as `--calibration` takes it; null if it measures nothing or the model brings its text. */
  readonly calibration: string | null;
}

/** A model of the recipe, unchanged or compressed. */
export interface Variant {
  readonly base: Model;
  /** Null for the original. */
  readonly compression: Compression | null;
  /**
   * SHA-256 of what determines the view: weights, tokenizer and the like, method with its version and options, tokens
   * measured on.
   */
  readonly address: string;
  /** Throws `CHECKPOINT_CHANGED` if the base is no longer that of the address. */
  checkUnchanged(): Promise<void>;
}

/** `calibrationHash`: of the tokens that are measured on; null without calibration. */
export async function variantOf(
  base: Model,
  compression: Compression | null,
  calibrationHash: string | null,
  work: Work,
): Promise<Variant> {
  const parts = compression && {
    origin: compression.found.origin,
    method: compression.method.method,
    options: parseOptions(compression.found.compressor, optionsOf(compression)),
    calibration: calibrationHash,
    // Absent where it is false, as it is in cells that are older than the choice.
    ...(compression.method.propagate && { propagate: true }),
  };
  const { hash: model, checkUnchanged } = await modelIdentity(base, work);
  const companions = await companionsHash(base.source.directory);
  return { base, compression, address: addressOf({ model, companions, parts }), checkUnchanged };
}

export const optionsOf = ({ method, ratio, seed }: Compression) => ({
  ...method.options,
  ...(ratio !== null && { ratio }),
  seed,
});

/** Address of the row of the board that a variant belongs to: seeds of one row are averaged. */
export const rowOf = ({ base, compression }: Variant): string =>
  addressOf({
    model: [base.id, base.revision],
    ...(compression && { method: compression.method, ratio: compression.ratio, on: compression.calibration }),
  });
