import { decodeFloat32, openModel } from '@moepress/checkpoint';
import type { ExpertStatistic, TokenRange } from '@moepress/core';
import {
  activationEnergy,
  attentionEnergy,
  cast,
  expertHits,
  expertInputEnergy,
  gatedOutputNorms,
  jointSelections,
  mlpEnergy,
  mul,
  perExpert,
  reduceSum,
  routedSumProducts,
  sharedGateSums,
  square,
  sumOverTokens,
  tokenMaskFisher,
} from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { fixtures } from '../testing/golden.js';
import { type CalibrateRequest, calibrate } from './calibrate.js';

let engine: Engine;
beforeAll(() => {
  engine = new Engine();
});
afterAll(() => engine.dispose());

async function measure(family: string, statistics: CalibrateRequest['statistics']) {
  const { model, sequences } = await fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();
  return calibrate(engine, {
    model: await openModel(model),
    set: { source: 'golden', seed: 0, sequences },
    statistics,
  });
}

describe('sets of which some tokens count', () => {
  const statistics = [expertHits, gatedOutputNorms, routedSumProducts, attentionEnergy];

  async function measureCounted(choose: (length: number, i: number) => readonly TokenRange[]) {
    const { model, sequences } = await fixtures[0]!.load();
    const counted = sequences.map(({ length }, i) => choose(length, i));
    const set = { source: 'golden', seed: 0, sequences, counted };
    return calibrate(engine, { model: await openModel(model), set, statistics });
  }

  it('are measured on these, read after all tokens before them', async () => {
    // Of one sequence none, of one the middle and the end.
    const some = await measureCounted((n, i) =>
      i === 0
        ? []
        : i === 1
          ? [
              [3, 5],
              [9, n],
            ]
          : [[0, 2]],
    );
    const rest = await measureCounted((n, i) =>
      i === 0
        ? [[0, n]]
        : i === 1
          ? [
              [0, 3],
              [5, 9],
            ]
          : [[2, n]],
    );
    const all = await measure('olmoe', statistics);
    expect(all.calibration).not.toHaveProperty('counted');
    expect(some.calibration.counted! + rest.calibration.counted!).toBe(all.calibration.tokens);
    expect(some.calibration.hash).not.toBe(all.calibration.hash);
    for (const [i, layer] of all.layers.entries()) {
      const together = (statistic: ExpertStatistic, output: string) => {
        const [a, b] = [some, rest].map(({ layers }) => layers[i]!.read(statistic, output));
        return a!.map((value, e) => value + b![e]!);
      };
      expect(together(expertHits, 'count')).toEqual(layer.read(expertHits, 'count'));
      const squares = layer.read(routedSumProducts, 'square');
      expect(together(routedSumProducts, 'square')[0]! / squares[0]!).toBeCloseTo(1, 6);
      const norms = layer.read(gatedOutputNorms, 'sum');
      for (const [e, sum] of together(gatedOutputNorms, 'sum').entries())
        expect(sum).toBeCloseTo(norms[e]!, 5);
    }
    for (const [i, layer] of all.attention.entries()) {
      for (const output of ['input', 'heads', 'count']) {
        const [a, b] = [some, rest].map(({ attention }) => attention[i]!.read(attentionEnergy, output));
        for (const [j, sum] of layer.read(attentionEnergy, output).entries())
          expect((a![j]! + b![j]!) / sum).toBeCloseTo(1, 5);
      }
    }
  });

  it('have the loss of these differentiated', async () => {
    const { model: folder, sequences: all } = await fixtures[0]!.load();
    const sequences = all.slice(0, 2).map((ids) => ids.slice(0, 6));
    const model = await openModel(folder);
    const gradients = async (counted?: readonly (readonly TokenRange[])[]) => {
      const set = { source: 'golden', seed: 0, sequences, counted };
      const { layers } = await calibrate(engine, { model, set, statistics: [tokenMaskFisher] });
      return layers.flatMap((layer) => [...layer.read(tokenMaskFisher, 'sum')]);
    };
    const whole = await gradients();
    expect(await gradients(sequences.map(({ length }) => [[0, length]]))).toEqual(whole);
    const last = await gradients(sequences.map(({ length }) => [[length - 1, length]]));
    expect(last).not.toEqual(whole);
    await expect(gradients(sequences.map(() => [[0, 1]]))).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
    });
  });

  it('are refused where nothing counts, or what counts is not there', async () => {
    const refusal = { code: 'CALIBRATION_INVALID' };
    await expect(measureCounted(() => [])).rejects.toMatchObject(refusal);
    await expect(measureCounted((n) => [[0, n + 1]])).rejects.toMatchObject(refusal);
    await expect(
      measureCounted(() => [
        [4, 5],
        [3, 6],
      ]),
    ).rejects.toMatchObject(refusal);
  });
});

describe('what products multiply weights with', () => {
  it('is measured of attention, of experts and of MLPs that all tokens go through', async () => {
    const statistics = [attentionEnergy, expertInputEnergy, activationEnergy, expertHits, mlpEnergy];
    const { layers, mlps, attention } = await measure('qwen2_moe', statistics);
    const { model, sequences } = await fixtures.find(({ name }) => name.startsWith('qwen2_moe '))!.load();
    const { embed, blocks, config } = await openModel(model);
    const [table, norm] = await Promise.all(
      [embed, blocks[0]!.norms.attention!].map((tensor) => decodeFloat32(tensor)),
    );
    const energy = new Float64Array(config.hiddenSize);
    for (const id of sequences.flat()) {
      const row = table!.subarray(id * energy.length, (id + 1) * energy.length);
      const square = row.reduce((sum, x) => sum + x * x, 0) / row.length + config.rmsNormEps;
      for (const [i, x] of row.entries()) energy[i]! += (x * norm![i]!) ** 2 / square;
    }
    expect(attention.map(({ layer }) => layer)).toEqual(blocks.map(({ index }) => index));
    for (const [i, sum] of attention[0]!.read(attentionEnergy, 'input').entries())
      expect(sum / energy[i]!).toBeCloseTo(1, 4);
    expect([...attention[0]!.read(attentionEnergy, 'count')]).toEqual([sequences.flat().length]);
    // Each token is seen by as many experts as it chooses, and by the shared one.
    const seen = layers[1]!.read(expertInputEnergy, 'sum');
    const shared = mlps.find(({ layer }) => layer === layers[1]!.layer)!.read(mlpEnergy, 'input');
    for (const [i, sum] of shared.entries()) {
      let ofExperts = 0;
      for (let at = i; at < seen.length; at += shared.length) ofExperts += seen[at]!;
      expect(ofExperts / sum).toBeCloseTo(config.topK!, 4);
    }
  });
});

describe('statistics of condensing', () => {
  it('count which slots tokens choose together', async () => {
    const { layers } = await measure('olmoe', [jointSelections, expertHits]);
    for (const layer of layers) {
      const [counts, hits] = [layer.read(jointSelections, 'counts'), layer.read(expertHits, 'count')];
      const n = hits.length;
      // Each of 94 tokens selects this many slots, so it counts every pair of them once.
      const perToken = hits.reduce((sum, count) => sum + count, 0) / 94;
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(94 * perToken ** 2);
      for (let i = 0; i < n; i++) {
        expect(counts[i * n + i]).toBe(hits[i]);
        for (let j = 0; j < n; j++) expect(counts[i * n + j]).toBe(counts[j * n + i]);
      }
    }
  });

  it('multiply outputs with the routed sum, which is the whole FFN without a shared expert', async () => {
    const withFfn: ExpertStatistic = {
      name: 'products-with-ffn-output',
      version: 1,
      pass: 'all-experts',
      collect: (_, { ffnOutput, ...taps }) => ({
        products: perExpert({ ffnOutput, ...taps }, ({ output }) =>
          sumOverTokens(reduceSum(mul(cast(output, 'float64'), cast(ffnOutput, 'float64')), [1])),
        ),
        square: sumOverTokens(reduceSum(square(cast(ffnOutput, 'float64')), [1])),
      }),
    };
    const { layers } = await measure('olmoe', [routedSumProducts, withFfn]);
    for (const layer of layers) {
      const [total] = layer.read(withFfn, 'square');
      expect(layer.read(routedSumProducts, 'square')[0]! / total!).toBeCloseTo(1, 5);
      for (const [e, product] of layer.read(withFfn, 'products').entries()) {
        const error = layer.read(routedSumProducts, 'products')[e]! - product;
        expect(Math.abs(error)).toBeLessThan(1e-5 * total!);
      }
    }
  });

  it('average the gate of a shared expert, where there is one', async () => {
    const { mlps } = await measure('qwen2_moe', [sharedGateSums]);
    for (const layer of mlps) {
      expect([...layer.read(sharedGateSums, 'count')]).toEqual([94]);
      const mean = layer.read(sharedGateSums, 'sum')[0]! / 94;
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThan(1);
    }
    const ungated = await measure('deepseek', [sharedGateSums]);
    expect(() => ungated.mlps[0]!.read(sharedGateSums, 'sum')).toThrow();
  });
});
