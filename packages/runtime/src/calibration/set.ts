import { createHash } from 'node:crypto';
import {
  type CalibrationRecord,
  type CalibrationSet,
  type Model,
  MoepressError,
  type TokenRange,
} from '@moepress/core';

/** Throws `CALIBRATION_INVALID` for an empty set, ids outside the vocabulary, or counted tokens that are not there. */
export function checkSet(model: Model, { source, sequences, counted }: CalibrationSet): void {
  const problem = sequences.every((ids) => ids.length === 0)
    ? 'There are no tokens to calibrate on.'
    : sequences.some((ids) => ids.some((id) => id < 0 || id >= model.config.vocabSize))
      ? `A token id lies outside the vocabulary of ${model.config.vocabSize}.`
      : counted && !areRanges(counted, sequences)
        ? 'The tokens that count are not those of the sequences.'
        : undefined;
  if (problem) throw new MoepressError('CALIBRATION_INVALID', { message: problem, where: source });
}

/** Whether the ranges of each sequence ascend within it, and at least one token counts. */
function areRanges(
  counted: NonNullable<CalibrationSet['counted']>,
  sequences: CalibrationSet['sequences'],
): boolean {
  const fits = (ranges: readonly TokenRange[], length: number) => {
    const bounds = ranges.flat();
    return bounds.every(
      (bound, i) => Number.isInteger(bound) && bound >= (bounds[i - 1] ?? 0) && bound <= length,
    );
  };
  return (
    counted.length === sequences.length &&
    counted.every((ranges, i) => fits(ranges, sequences[i]!.length)) &&
    countedTokens(counted) > 0
  );
}

const countedTokens = (counted: NonNullable<CalibrationSet['counted']>): number =>
  counted.flat().reduce((sum, [from, to]) => sum + to - from, 0);

export function recordOf({ source, seed, sequences, counted }: CalibrationSet): CalibrationRecord {
  const hash = createHash('sha256');
  for (const ids of sequences) {
    hash.update(Int32Array.of(ids.length));
    hash.update(Int32Array.from(ids));
  }
  for (const ranges of counted ?? []) {
    hash.update(Int32Array.of(ranges.length));
    hash.update(Int32Array.from(ranges.flat()));
  }
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  return {
    source,
    seed,
    sequences: sequences.length,
    tokens,
    ...(counted && { counted: countedTokens(counted) }),
    hash: hash.digest('hex'),
  };
}
