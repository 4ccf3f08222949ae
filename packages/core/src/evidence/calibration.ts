import { z } from 'zod';

/** Sequences to measure on or to train on, and how to create them again. */
export interface CalibrationSet<Sequence = readonly number[]> {
  /** Files, datasets or names, as the user gave them. */
  readonly source: string;
  /** Seed of the choice of documents, where fewer were taken than there were. */
  readonly seed: number;
  /** Token ids of each sequence, unless `Sequence` says otherwise. */
  readonly sequences: readonly Sequence[];
  /**
   * The tokens of each sequence that statistics count, the others being read as their context, and whose loss is
   * differentiated: ranges from the first to the one after the last, ascending. Absent: all tokens.
   */
  readonly counted?: readonly (readonly TokenRange[])[] | undefined;
}

export type TokenRange = readonly [from: number, to: number];

const count = z.int().nonnegative();

/** A calibration set as plans and stored statistics name it: enough to measure the same thing again. */
export const calibrationRecordSchema = z.strictObject({
  /** Files, datasets or names, as the user gave them. */
  source: z.string(),
  sequences: count,
  tokens: count,
  /** Those that statistics count, if not all. */
  counted: count.optional(),
  /** SHA-256 over all token ids, sequence by sequence, and over which of them count, if not all. */
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
  seed: z.int(),
});

export type CalibrationRecord = Readonly<z.infer<typeof calibrationRecordSchema>>;
