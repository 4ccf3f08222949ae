import { openModel } from '@moepress/checkpoint';
import { expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';
import { denseFixtures, fixtures, maxDifference } from '../testing/golden.js';
import { boardBytes } from './board.js';
import { FewModel } from './few-model.js';
import { fewWeights, whyNotFew } from './few-support.js';

/** Bytes for all weights, and what rows of matrices are filled up with. */
const allBytes = (weights: ReturnType<typeof fewWeights>) => weights.common + weights.experts + 2 ** 20;

it.each([...fixtures, ...denseFixtures])(
  '$name: gives the logits of the graph, token by token',
  async ({ load }) => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    expect(whyNotFew(model)).toBeNull();
    const runner = await ModelRunner.open(model, { workers: 1, threads: 1 });
    const traces = await runner.trace(sequences).finally(() => runner.dispose());
    const most = sequences.length;
    const few = new FewModel({
      ...{ model, index: 0, count: 1, most },
      shared: new SharedArrayBuffer(boardBytes(model, most)),
      bytes: allBytes(fewWeights(model)),
    });
    await few.open();
    few.begin(most, Math.max(...sequences.map(({ length }) => length)));
    const { vocabSize } = model.config;
    for (let position = 0; sequences.some(({ length }) => position < length); position++) {
      const growing = [...sequences.keys()].filter((i) => position < sequences[i]!.length);
      const newest = growing.map((sequence) => ({ sequence, position, id: sequences[sequence]![position]! }));
      const { logits } = await few.next(newest, true);
      for (const [row, sequence] of growing.entries()) {
        const own = logits!.subarray(row * vocabSize, (row + 1) * vocabSize);
        const expected = (traces[sequence]!.logits.data as Float32Array).subarray(
          position * vocabSize,
          (position + 1) * vocabSize,
        );
        const scale = expected.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 1);
        expect(maxDifference(own, expected)).toBeLessThan(1e-5 * scale);
      }
    }
    await few.close();
  },
);
