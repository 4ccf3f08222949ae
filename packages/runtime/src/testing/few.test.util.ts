import type { Model } from '@moepress/core';
import { expect } from 'vitest';
import { boardBytes } from '../few/board.js';
import { FewModel } from '../few/few-model.js';
import { fewBytes } from '../few/few-plan.js';
import { whyNotFew } from '../few/few-support.js';
import { ropesOf } from '../tokens/ropes.js';
import { ropeDependsOnLength } from '../tokens/rotary-tables.js';
import { maxDifference } from './golden.js';

/** A sequence, the logits [n, vocabulary] that the graph has for its tokens, and the tokens that follow it. */
export interface Continued {
  readonly ids: readonly number[];
  readonly logits: Float32Array;
  readonly greedy?: readonly number[] | null;
}

/** A model that one thread holds, with room for so many bytes of weights, all by default. */
export async function openFew(model: Model, most: number, bytes?: number): Promise<FewModel> {
  const all = { most: Number.POSITIVE_INFINITY, workers: 1, resident: true };
  const few = new FewModel({
    ...{ model, index: 0, count: 1, most, bytes: bytes ?? fewBytes(model, all) },
    shared: new SharedArrayBuffer(boardBytes(model, most)),
  });
  await few.open();
  return few;
}

/**
 * All sequences together, a token of each at a time, have the logits of the graph to `tolerance` of the largest one, and go on with the
 * expected tokens. Models that only the graph continues are passed over.
 */
export async function expectFew(
  model: Model,
  sequences: readonly Continued[],
  tolerance = 1e-5,
): Promise<void> {
  // Where angles depend on the length of a sequence, one that grows is not one that was there.
  if (whyNotFew(model) !== null || ropesOf(model).some(ropeDependsOnLength)) return;
  const few = await openFew(model, sequences.length);
  const { vocabSize } = model.config;
  const texts = sequences.map(({ ids }) => [...ids]);
  const lengths = sequences.map(({ ids, greedy }) => ids.length + (greedy?.length ?? 0));
  few.begin(sequences.length, Math.max(...lengths));
  let worst = 0;
  for (let position = 0; lengths.some((length) => position < length); position++) {
    const open = [...texts.keys()].filter((i) => position < lengths[i]!);
    const newest = open.map((sequence) => ({ sequence, position, id: texts[sequence]![position]! }));
    const { logits, tokens } = await few.next(newest, true);
    for (const [row, i] of open.entries()) {
      const { ids, logits: all } = sequences[i]!;
      if (position >= ids.length - 1) texts[i]!.push(tokens[row]!);
      if (position >= ids.length) continue;
      const expected = all.subarray(position * vocabSize, (position + 1) * vocabSize);
      const scale = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1);
      const own = logits!.subarray(row * vocabSize, (row + 1) * vocabSize);
      worst = Math.max(worst, maxDifference(own, expected) / scale);
    }
  }
  await few.close();
  expect(worst).toBeLessThan(tolerance);
  for (const [i, { ids, greedy }] of sequences.entries()) {
    if (greedy) expect(texts[i]!.slice(ids.length, ids.length + greedy.length)).toEqual(greedy);
  }
}
