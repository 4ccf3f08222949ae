import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import { applyLayers, type LayerPlan, type Model } from '@moepress/core';
import { tokenMaskFisher } from '@moepress/graph';
import { afterAll, expect, it } from 'vitest';
import { calibrate } from './calibration/calibrate.js';
import { Engine } from './engine/engine.js';
import { ModelRunner } from './runner.js';
import { maxDifference } from './testing/golden.js';

const one = { workers: 1, threads: 1 };
const engine = new Engine(one);
afterAll(() => engine.dispose());

const fixture = (name: string) =>
  openModel(fileURLToPath(new URL(`../../checkpoint/fixtures/${name}`, import.meta.url)));

const sequences = [
  [3, 1, 4, 1, 5, 9, 2, 6],
  [2, 7, 1],
];

/** The most likely token after each sequence, again and again. */
async function greedily(runner: ModelRunner, vocabulary: number, count: number): Promise<number[][]> {
  const grown = sequences.map((ids) => [...ids]);
  for (let i = 0; i < count; i++) {
    for (const [row, { logits }] of (await runner.trace(grown)).entries()) {
      const data = logits.data as Float32Array;
      const last = data.subarray(data.length - vocabulary);
      grown[row]!.push(last.indexOf(Math.max(...last)));
    }
  }
  return grown.map((ids, row) => ids.slice(sequences[row]!.length));
}

/** Layers of a parallel family and of one with norms on both sides are among them. */
it.each(['cohere2_moe', 'afmoe'])(
  'a view of %s without parts of layers runs, continues and differentiates',
  async (name) => {
    const base = await fixture(name);
    const ops: LayerPlan['ops'][] = [
      [{ op: 'drop-attention' }],
      [{ op: 'drop-ffn' }],
      [{ op: 'drop-block' }],
    ];
    const layers = ops.slice(0, base.blocks.length).map((own, layer): LayerPlan => ({ layer, ops: own }));
    const view: Model = applyLayers(base, layers);
    const streamed = await ModelRunner.open(view, { ...one, residency: 'streamed' });
    const resident = await ModelRunner.open(view, { ...one, residency: 'resident' });
    try {
      const traces = await Promise.all([streamed, resident].map((runner) => runner.trace(sequences)));
      const [a, b] = traces.map((all) => all.map(({ logits }) => logits.data as Float32Array));
      expect(maxDifference(a![0]!, b![0]!)).toBeLessThan(1e-5);
      const texts = await resident.generate(sequences, { maxNewTokens: 2, eosTokenIds: [] });
      expect(texts).toEqual(await greedily(streamed, view.config.vocabSize, 2));
    } finally {
      await Promise.all([streamed.dispose(), resident.dispose()]);
    }
    if (!view.blocks.some(({ ffn }) => ffn.kind === 'moe')) return;
    const evidence = await calibrate(engine, {
      model: view,
      set: { source: 'test', seed: 0, sequences },
      statistics: [tokenMaskFisher],
    });
    const sums = evidence.layers.flatMap((layer) => [...layer.read(tokenMaskFisher, 'sum')]);
    expect(sums.every(Number.isFinite)).toBe(true);
  },
);
