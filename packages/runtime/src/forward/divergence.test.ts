import { openModel } from '@moepress/checkpoint';
import type { Model, TokenSequence } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';
import { fixtures } from '../testing/golden.js';
import type { Trace } from './trace.js';

const options = { workers: 2, threads: 2 } as const;

/** The same with every second expert of each layer in the place of its neighbour. */
function mergedView(model: Model): Model {
  return {
    ...model,
    blocks: model.blocks.map((block) => {
      if (block.ffn.kind !== 'moe') return block;
      const { pool } = block.ffn;
      return { ...block, ffn: { ...block.ffn, pool: pool.map((_, i) => pool[i - (i % 2)]!) } };
    }),
  };
}

/** The definition, from the logits of both for one token. */
function divergence(p: readonly number[], q: readonly number[]): number {
  const logs = (logits: readonly number[]) => {
    const sum = Math.log(logits.reduce((all, z) => all + Math.exp(z), 0));
    return logits.map((z) => z - sum);
  };
  const [logP, logQ] = [logs(p), logs(q)];
  return logP.reduce((sum, log, v) => sum + Math.exp(log) * (log - logQ[v]!), 0);
}

const rowOf = ({ logits }: Trace, row: number): number[] => {
  const width = logits.dims[1]!;
  return [...(logits.data as Float32Array).subarray(row * width, (row + 1) * width)];
};

const bestOf = (logits: readonly number[]) => logits.indexOf(Math.max(...logits));

describe('a view of a model', () => {
  const { load } = fixtures[0]!;
  it.each(['streamed', 'resident'] as const)(
    '%s: is compared with it as whole logits are',
    async (residency) => {
      const { model: folder, sequences: all } = await load();
      const sequences = all.map((ids) => ids.slice(0, 12));
      const original = await openModel(folder);
      const view = mergedView(original);
      await using runner = await ModelRunner.open(view, { ...options, residency });
      await using other = await ModelRunner.open(original, options);
      // Sequences that begin alike share what they have in common.
      const items: TokenSequence[] = sequences.flatMap((ids) => [
        { ids, from: 1 },
        { ids: ids.slice(0, -1), from: ids.length - 3 },
      ]);
      const compared = await runner.compareTokens(original, items);
      expect(
        compared.map((tokens) => tokens.map(({ divergence: _, agrees: __, ...score }) => score)),
      ).toEqual(await runner.scoreTokens(items));
      const [q, p] = [await runner.trace(sequences), await other.trace(sequences)];
      let moved = 0;
      for (const [i, { ids, from }] of items.entries()) {
        const of = Math.floor(i / 2);
        for (const [t, token] of compared[i]!.entries()) {
          const [ofP, ofQ] = [rowOf(p[of]!, from + t - 1), rowOf(q[of]!, from + t - 1)];
          expect(Math.abs(token.divergence - divergence(ofP, ofQ))).toBeLessThan(1e-5);
          expect(token.agrees).toBe(bestOf(ofP) === bestOf(ofQ));
          if (token.divergence > 1e-4) moved++;
        }
        expect(compared[i]).toHaveLength(ids.length - from);
      }
      expect(moved).toBeGreaterThan(10);
    },
  );
});

it('finds no difference between a model and itself', async () => {
  const { model: folder, sequences } = await fixtures[0]!.load();
  const model = await openModel(folder);
  await using runner = await ModelRunner.open(model, { ...options, residency: 'resident' });
  const compared = await runner.compareTokens(
    model,
    sequences.map((ids) => ({ ids, from: 1 })),
  );
  expect(compared.flat().every(({ divergence, agrees }) => divergence === 0 && agrees)).toBe(true);
});

it('refuses a model with another vocabulary', async () => {
  const { model: folder } = await fixtures[0]!.load();
  const model = await openModel(folder);
  await using runner = await ModelRunner.open(model, options);
  const other = { ...model, config: { ...model.config, vocabSize: 7 } };
  await expect(runner.compareTokens(other, [{ ids: [1, 2], from: 1 }])).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    where: 'against',
  });
});
