import { z } from 'zod';

/** Sequences to measure on or to train on, and how to create them again. */
export interface CalibrationSet<Sequence = readonly number[]> {
  /** Files, datasets or names, as the user gave them. */
  readonly source: string;
  /** Seed of the choice of documents, where fewer were taken than there were. */
  readonly seed: number;
  /** Token ids of each sequence, unless `Sequence` says otherwise. */
  readonly sequences: readonly Sequence[];
}

const count = z.int().nonnegative();

/** A calibration set as plans and stored statistics name it: enough to measure the same thing again. */
export const calibrationRecordSchema = z.strictObject({
  /** Files, datasets or names, as the user gave them. */
  source: z.string(),
  sequences: count,
  tokens: count,
  /** SHA-256 over all token ids, sequence by sequence. */
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
  seed: z.int(),
});

export type CalibrationRecord = Readonly<z.infer<typeof calibrationRecordSchema>>;
