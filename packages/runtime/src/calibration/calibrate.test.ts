import { decodeFloat32, openModel } from '@moepress/checkpoint';
import { type MlpStatistic, moeBlocks, type Statistic } from '@moepress/core';
import {
  cast,
  columnSums,
  expertHits,
  gatedOutputNorms,
  gateWeightSums,
  mlpTokenMaskFisher,
  outputGram,
  outputSums,
  outputSumsOnAllTokens,
  probabilitySums,
  reduceSum,
  rowPerExpert,
  squaredNormsOnAllTokens,
  weightFisher,
} from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { fixtures, fullReferences, type Golden } from '../testing/golden.js';
import { calibrate } from './calibrate.js';

const shared = process.env.MOEPRESS_SHARED;
let engine: Engine;
beforeAll(() => {
  engine = new Engine();
});
afterAll(() => engine.dispose());

const setOf = ({ sequences }: Golden) => ({ source: 'golden', seed: 0, sequences });

describe.each([...fixtures, ...(shared ? fullReferences(shared) : [])])('$name', ({ load }) => {
  it('measures hits, gate weights and gated output norms like transformers', async () => {
    const golden = await load();
    const model = await openModel(golden.model);
    const evidence = await calibrate(engine, {
      model,
      set: setOf(golden),
      statistics: [expertHits, gateWeightSums, gatedOutputNorms],
    });
    const experts = model.config.experts;
    const measured = [
      { name: 'expert.count', read: (m: number) => evidence.layers[m]!.read(expertHits, 'count') },
      { name: 'expert.wsum', read: (m: number) => evidence.layers[m]!.read(gateWeightSums, 'sum') },
      { name: 'expert.reap', read: (m: number) => evidence.layers[m]!.read(gatedOutputNorms, 'sum') },
    ];
    for (const { name, read } of measured) {
      const perSequence = await golden.floats(name);
      // The reference of the first DeepSeek counts tokens only.
      if (!perSequence) continue;
      const layers = evidence.layers.length;
      for (let m = 0; m < layers; m++) {
        const expected = Array.from({ length: experts }, (_, e) =>
          [0, 1, 2].reduce((sum, s) => sum + perSequence[(s * layers + m) * experts + e]!, 0),
        );
        const tolerance = name === 'expert.count' ? 0 : 1e-4 * Math.max(...expected);
        for (const [e, value] of read(m).entries()) {
          expect(Math.abs(value - expected[e]!)).toBeLessThanOrEqual(tolerance);
        }
      }
    }
  });
});

describe('calibrate', () => {
  it('measures a statistic it has never heard of', async () => {
    const golden = await fixtures[2]!.load();
    const inputEnergy: Statistic = {
      name: 'input-energy',
      version: 1,
      pass: 'forward',
      collect: (graph, { ffnInput }) => ({
        sum: reduceSum(cast(graph.op('Mul', [ffnInput, ffnInput]), 'float64'), [0]),
      }),
    };
    const model = await openModel(golden.model);
    const { layers, calibration } = await calibrate(engine, {
      model,
      set: setOf(golden),
      statistics: [inputEnergy],
    });
    expect(layers.map(({ layer }) => layer)).toEqual([0, 2]);
    const energy = layers[0]!.read(inputEnergy, 'sum');
    expect(energy).toHaveLength(model.config.hiddenSize);
    expect(Math.min(...energy)).toBeGreaterThan(0);
    expect(calibration).toMatchObject({ sequences: 3, tokens: 94, source: 'golden' });
  });

  it('measures the MLPs that all tokens go through, dense or shared', async () => {
    const golden = await fixtures.find(({ name }) => name.startsWith('deepseek_v2'))!.load();
    const channelSums: MlpStatistic = {
      target: 'mlps',
      name: 'channel-sums',
      version: 1,
      pass: 'forward',
      collect: (_, { activation }) => ({ sum: reduceSum(cast(activation, 'float64'), [0]) }),
    };
    const model = await openModel(golden.model);
    const { layers, mlps } = await calibrate(engine, {
      model,
      set: setOf(golden),
      statistics: [channelSums, expertHits, mlpTokenMaskFisher],
    });
    expect(layers.map(({ layer }) => layer)).toEqual([1, 2]);
    expect(mlps.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    const widths = model.blocks.map(({ ffn }) => (ffn.kind === 'dense' ? ffn.mlp : ffn.shared!.mlp).width);
    for (const statistic of [channelSums, mlpTokenMaskFisher]) {
      expect(mlps.map((layer) => layer.read(statistic, 'sum').length)).toEqual(widths);
    }
    expect(() => mlps[0]!.read(expertHits, 'count')).toThrow('not collected');

    const without = await openModel((await fixtures[0]!.load()).model);
    const none = await calibrate(engine, {
      model: without,
      set: setOf(golden),
      statistics: [channelSums, mlpTokenMaskFisher],
    });
    expect(none.mlps).toEqual([]);
  });

  it('adds up over batches what it measures in one', async () => {
    const golden = await fixtures[0]!.load();
    const model = await openModel(golden.model);
    const many = Array.from({ length: 180 }, (_, i) => golden.sequences[i % 3]!);
    const { layers } = await calibrate(engine, {
      model,
      set: { source: 'x', seed: 0, sequences: many },
      statistics: [expertHits],
    });
    const once = await calibrate(engine, { model, set: setOf(golden), statistics: [expertHits] });
    const expected = once.layers[1]!.read(expertHits, 'count').map((count) => count * 60);
    expect(layers[1]!.read(expertHits, 'count')).toEqual(expected);
  });

  it('refuses an empty set, foreign tokens and sums in single precision', async () => {
    const golden = await fixtures[0]!.load();
    const model = await openModel(golden.model);
    const attempt = (sequences: number[][], statistic: Statistic) =>
      calibrate(engine, { model, set: { source: 'x', seed: 0, sequences }, statistics: [statistic] });
    await expect(attempt([[]], expertHits)).rejects.toMatchObject({ code: 'CALIBRATION_INVALID' });
    await expect(attempt([[512]], expertHits)).rejects.toMatchObject({ code: 'CALIBRATION_INVALID' });
    const single: Statistic = { ...expertHits, collect: (_, { routerLogits }) => ({ count: routerLogits }) };
    await expect(attempt([[1]], single)).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
  });

  it('gives the same bits with one worker and with two', async () => {
    const golden = await fixtures[1]!.load();
    const model = await openModel(golden.model);
    const many = Array.from({ length: 180 }, (_, i) => golden.sequences[i % 3]!);
    const statistics = [gatedOutputNorms, outputGram, weightFisher];
    const sums = async (workers: number) => {
      const own = new Engine({ workers, threads: workers });
      try {
        const { layers } = await calibrate(own, {
          model,
          set: { source: 'x', seed: 0, sequences: many },
          statistics,
        });
        return layers.flatMap((layer) => [
          layer.read(gatedOutputNorms, 'sum'),
          layer.read(outputGram, 'gram'),
          layer.read(weightFisher, 'sum'),
        ]);
      } finally {
        await own.dispose();
      }
    };
    expect(await sums(2)).toEqual(await sums(1));
  });

  it('runs every expert on every token where a statistic asks for it', async () => {
    const golden = await fixtures[2]!.load();
    const model = await openModel(golden.model);
    const statistics = [squaredNormsOnAllTokens, outputGram, outputSumsOnAllTokens, probabilitySums];
    const { layers } = await calibrate(engine, { model, set: setOf(golden), statistics });
    const [norms, gram] = [
      layers[0]!.read(squaredNormsOnAllTokens, 'sum'),
      layers[0]!.read(outputGram, 'gram'),
    ];
    const n = norms.length;
    for (const [e, norm] of norms.entries()) expect(gram[e * n + e]! / norm).toBeCloseTo(1, 6);
    expect(Math.min(...norms)).toBeGreaterThan(0);
    expect(layers[0]!.read(outputSumsOnAllTokens, 'sum')).toHaveLength(n * model.config.hiddenSize);
    const all = layers[0]!.read(probabilitySums, 'all');
    expect(all.reduce((a, b) => a + b, 0)).toBeCloseTo(94, 4);
    for (const [e, p] of layers[0]!.read(probabilitySums, 'selected').entries())
      expect(p).toBeLessThanOrEqual(all[e]!);
  });

  it('adds up outputs as the down projection maps the sums of activations', async () => {
    const golden = await fixtures[0]!.load();
    const model = await openModel(golden.model);
    const activationSums: Statistic = {
      name: 'activation-sums',
      version: 1,
      pass: 'forward',
      collect: (_, taps) => ({ sum: rowPerExpert(taps, ({ activation }) => columnSums(activation)) }),
    };
    const { layers } = await calibrate(engine, {
      model,
      set: setOf(golden),
      statistics: [outputSums, activationSums],
    });
    const { ffn } = moeBlocks(model)[0]!;
    const outputs = layers[0]!.read(outputSums, 'sum');
    const activations = layers[0]!.read(activationSums, 'sum');
    const most = Math.max(...outputs.map(Math.abs));
    for (const [e, { width, down }] of ffn.pool.entries()) {
      const weight = await decodeFloat32(down);
      for (let h = 0; h < model.config.hiddenSize; h++) {
        let expected = 0;
        for (let i = 0; i < width; i++) expected += weight[h * width + i]! * activations[e * width + i]!;
        const actual = outputs[e * model.config.hiddenSize + h]!;
        expect(Math.abs(actual - expected)).toBeLessThan(1e-5 * most);
      }
    }
  });

  it('stops between batches when asked to', async () => {
    const golden = await fixtures[0]!.load();
    const model = await openModel(golden.model);
    const controller = new AbortController();
    const stopped = calibrate(engine, {
      model,
      set: setOf(golden),
      statistics: [expertHits],
      signal: controller.signal,
      progress: ({ type }) => type === 'advance' && controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
