import { openModel } from '@moepress/checkpoint';
import { describe, expect, it } from 'vitest';
import { negativeLogLikelihoods } from './forward/trace.js';
import { ModelRunner } from './runner.js';
import { denseFixtures, fixtures, fullReferences, maxDifference } from './testing/golden.js';

const shared = process.env.MOEPRESS_SHARED;
const references = [...fixtures, ...denseFixtures, ...(shared ? fullReferences(shared) : [])];

describe.each(references)('$name against transformers', ({ load }) => {
  it.each(['streamed', 'resident'] as const)('%s: one padded batch of three sequences', async (residency) => {
    const golden = await load();
    const runner = await ModelRunner.open(await openModel(golden.model), { residency });
    try {
      const traces = await runner.trace(golden.sequences);
      for (const [i, trace] of traces.entries()) {
        const ids = golden.sequences[i]!;
        const logits = await golden.floats(`s${i}.logits`);
        if (logits) expect(maxDifference(trace.logits.data as Float32Array, logits)).toBeLessThan(2e-4);
        const hidden = await golden.floats(`s${i}.hidden`);
        if (hidden) expect(maxDifference(stacked(trace.hidden), hidden)).toBeLessThan(2e-4);
        const nll = negativeLogLikelihoods(trace.logits, ids);
        expect(Math.abs(mean(nll) - golden.nllMean[i]!)).toBeLessThan(1e-5);
        const weights = await golden.floats(`s${i}.topk_weight`);
        const routed = stacked(trace.routing.map((layer) => layer.weights));
        expect(maxDifference(routed, weights ?? [])).toBeLessThan(2e-5);
        const selected = golden.ints(`s${i}.topk_idx`) ?? [];
        expect(stacked(trace.routing.map((layer) => layer.selected))).toEqual(selected);
      }
    } finally {
      await runner.dispose();
    }
  });

  it.each(['streamed', 'resident'] as const)('%s: scores and 16 greedy tokens', async (residency) => {
    const golden = await load();
    const runner = await ModelRunner.open(await openModel(golden.model), { residency });
    try {
      const scores = await runner.score(golden.sequences.map((ids) => ({ ids, from: 1 })));
      for (const [i, { logprob }] of scores.entries()) {
        const nllMean = -logprob / (golden.sequences[i]!.length - 1);
        expect(Math.abs(nllMean - golden.nllMean[i]!)).toBeLessThan(1e-5);
      }
      const options = { maxNewTokens: 16, eosTokenIds: [] };
      expect(await runner.generate(golden.sequences, options)).toEqual(golden.greedy);
      const continued = golden.sequences.map((ids, i) => ({
        ids: [...ids, ...golden.greedy[i]!],
        from: ids.length,
      }));
      expect((await runner.score(continued)).map(({ isGreedy }) => isGreedy)).toEqual([true, true, true]);
    } finally {
      await runner.dispose();
    }
  });
});

describe('ModelRunner', () => {
  it('computes a shared prefix once and scores as if it had not', async () => {
    const golden = await fixtures[1]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      const [question] = golden.sequences;
      const items = [7, 11, 500].flatMap((token, i) => [
        { ids: [...question!, token, i], from: question!.length },
        { ids: [...question!.slice(0, 20 + i), token], from: 20 + i },
      ]);
      const together = await runner.score(items);
      for (const [i, item] of items.entries()) {
        const [alone] = await runner.score([item]);
        expect(Math.abs(together[i]!.logprob - alone!.logprob)).toBeLessThan(1e-4);
      }
    } finally {
      await runner.dispose();
    }
  });

  it('shares no prefixes where the length of a sequence turns its tokens', async () => {
    const golden = await fixtures[1]!.load();
    const { config, ...model } = await openModel(golden.model);
    const scaling = { kind: 'dynamic', factor: 4, originalPositions: 8 } as const;
    const runner = await ModelRunner.open({
      ...model,
      config: { ...config, rope: { ...config.rope, scaling } },
    });
    try {
      const [question] = golden.sequences;
      const items = [10, 20, 40].map((length) => ({ ids: question!.slice(0, length), from: length - 2 }));
      const together = await runner.score(items);
      for (const [i, item] of items.entries()) {
        const [alone] = await runner.score([item]);
        expect(Math.abs(together[i]!.logprob - alone!.logprob)).toBeLessThan(1e-4);
      }
    } finally {
      await runner.dispose();
    }
  });

  it('stops each sequence where its own stop condition holds', async () => {
    const golden = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      const stopAt = golden.greedy[1]![4]!;
      const [, second, third] = await runner.generate(golden.sequences, {
        maxNewTokens: 16,
        eosTokenIds: [stopAt],
        stop: (newIds) => newIds.length === 9,
      });
      expect(second).toEqual(golden.greedy[1]!.slice(0, 5));
      expect(third).toEqual(golden.greedy[2]!.slice(0, 9));
    } finally {
      await runner.dispose();
    }
  });

  it('refuses token ids the model does not have', async () => {
    const golden = await fixtures[0]!.load();
    const runner = await ModelRunner.open(await openModel(golden.model));
    try {
      await expect(runner.trace([[1, 512]])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await expect(runner.score([{ ids: [], from: 1 }])).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    } finally {
      await runner.dispose();
    }
  });
});

function stacked(tensors: readonly { data: ArrayLike<number | bigint> }[]): number[] {
  return tensors.flatMap(({ data }) => Array.from(data, Number));
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
