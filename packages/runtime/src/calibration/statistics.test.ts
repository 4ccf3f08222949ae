import { openModel } from '@moepress/checkpoint';
import type { ExpertStatistic } from '@moepress/core';
import {
  cast,
  expertHits,
  jointSelections,
  mul,
  perExpert,
  reduceSum,
  routedSumProducts,
  sharedGateSums,
  square,
  sumOverTokens,
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
