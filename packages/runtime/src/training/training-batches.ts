import type { Model, TokenSequence } from '@moepress/core';
import { batchSequences } from '../tokens/batch-sequences.js';
import { type Layout, rowOf } from '../tokens/token-layout.js';

/** Sequences that go through the model together. */
export interface TrainingBatch {
  readonly layout: Layout;
  /** Sequences in the order of the layout. */
  readonly sequences: readonly TokenSequence[];
  /** One for each predicted token, sequence by sequence: the row before it, which predicts it. Distinct. */
  readonly rows: Int32Array;
  /** Those tokens. */
  readonly targets: Int32Array;
}

/** Attention scores of one batch: derivatives keep about six times as many numbers, 400 MB. */
export const mostScores = 2 ** 24;

/**
 * Splits sequences into batches of at most `tokens` tokens, of like lengths; one that is longer has a batch
 * of its own.
 */
export function trainingBatches(
  model: Model,
  sequences: readonly TokenSequence[],
  tokens: number,
): TrainingBatch[] {
  const limits = { tokens, scores: mostScores, heads: model.config.heads };
  const layouts = batchSequences(
    sequences.map(({ ids }) => ids),
    limits,
  );
  return layouts.map((layout) => {
    const own = layout.sequences.map((index) => sequences[index]!);
    const rows = own.flatMap(({ ids, from }, b) =>
      ids.slice(from).map((_, i) => rowOf(layout, b, from - 1 + i)),
    );
    const targets = own.flatMap(({ ids, from }) => ids.slice(from));
    return { layout, sequences: own, rows: Int32Array.from(rows), targets: Int32Array.from(targets) };
  });
}

/** Tokens that are predicted. */
export const predictedIn = (sequences: readonly TokenSequence[]): number =>
  sequences.reduce((sum, { ids, from }) => sum + ids.length - from, 0);

/** Numbers of logits computed at once: 64 MiB of fp32. */
const logitsBudget = 2 ** 24;

/** The number of rows that go through the head at once, at least `least`. */
export const mostRows = ({ vocabSize }: Model['config'], least: number): number =>
  Math.max(least, Math.floor(logitsBudget / vocabSize));

/** The batch's rows in stretches [begin, end) of at least `least` rows, whose logits fit together into memory. */
export function* rowStretches(
  { rows }: TrainingBatch,
  { config }: Model,
  least = 1,
): Generator<[number, number]> {
  const size = mostRows(config, least);
  for (let begin = 0; begin < rows.length; begin += size) yield [begin, Math.min(rows.length, begin + size)];
}
