import { createHash } from 'node:crypto';
import { type CalibrationRecord, type CalibrationSet, type Model, MoepressError } from '@moepress/core';

/** Throws `CALIBRATION_INVALID` for an empty set or ids outside the vocabulary. */
export function checkSet(model: Model, { source, sequences }: CalibrationSet): void {
  const problem = sequences.every((ids) => ids.length === 0)
    ? 'There are no tokens to calibrate on.'
    : sequences.some((ids) => ids.some((id) => id < 0 || id >= model.config.vocabSize))
      ? `A token id lies outside the vocabulary of ${model.config.vocabSize}.`
      : undefined;
  if (problem) throw new MoepressError('CALIBRATION_INVALID', { message: problem, where: source });
}

export function recordOf({ source, seed, sequences }: CalibrationSet): CalibrationRecord {
  const hash = createHash('sha256');
  for (const ids of sequences) {
    hash.update(Int32Array.of(ids.length));
    hash.update(Int32Array.from(ids));
  }
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  return { source, seed, sequences: sequences.length, tokens, hash: hash.digest('hex') };
}
