import { openModel } from '@moepress/checkpoint';
import { expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';
import { fixtures } from '../testing/golden.js';
import type { Choice } from './choose.js';

const argmax = (row: ArrayLike<number>) =>
  Array.from(row).reduce((best, logit, i) => (logit > row[best]! ? i : best), 0);

it.each(['streamed', 'resident'] as const)(
  '%s: lets tokens be chosen by the logits that the model has there',
  async (residency) => {
    const golden = await fixtures[0]!.load();
    const model = await openModel(golden.model);
    const runner = await ModelRunner.open(model, { residency });
    try {
      const seen: Choice[] = [];
      const results = await runner.generate(golden.sequences, {
        maxNewTokens: 5,
        eosTokenIds: [],
        stop: (newIds, index) => index === 2 && newIds.length === 3,
        chooser: {
          wants: (index) => index !== 0,
          choose: (choice) => {
            seen.push({ ...choice, logits: choice.logits.slice(), newIds: [...choice.newIds] });
            return choice.index === 1 ? 7 + choice.newIds.length : choice.likeliest;
          },
        },
      });
      expect(results).toEqual([
        golden.greedy[0]!.slice(0, 5),
        [7, 8, 9, 10, 11],
        golden.greedy[2]!.slice(0, 3),
      ]);
      const own = (wanted: number) => seen.filter(({ index }) => index === wanted);
      expect(own(1).map(({ newIds }) => newIds.length)).toEqual([0, 1, 2, 3, 4]);
      expect(own(2)).toHaveLength(3);
      for (const { logits, likeliest } of seen) expect(argmax(logits)).toBe(likeliest);

      // The same rows as in one pass over prompt and choices.
      const prompt = golden.sequences[1]!;
      const [trace] = await runner.trace([[...prompt, ...results[1]!]]);
      const { vocabSize } = model.config;
      for (const { logits, newIds } of own(1)) {
        const row = prompt.length - 1 + newIds.length;
        const traced = (trace!.logits.data as Float32Array).subarray(row * vocabSize, (row + 1) * vocabSize);
        const worst = logits.reduce((most, logit, i) => Math.max(most, Math.abs(logit - traced[i]!)), 0);
        expect(worst).toBeLessThan(1e-4);
      }
    } finally {
      await runner.dispose();
    }
  },
);
