import { openModel } from '@moepress/checkpoint';
import {
  applyLayers,
  type Compressor,
  createRng,
  dropLowest,
  type LayerPlan,
  layerEvidence,
  type Model,
  means,
  moeBlocks,
  type Scorer,
} from '@moepress/core';
import { expertHits, gatedOutputNorms, squaredNormsOnAllTokens, tokenMaskFisher } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { calibrate } from '../calibration/calibrate.js';
import { calibrateInOrder } from '../calibration/calibrate-in-order.js';
import { Engine } from '../engine/engine.js';
import { fixtures } from '../testing/golden.js';
import { engineTools } from '../tools/engine-tools.js';
import { planInOrder } from './plan-in-order.js';

let engine: Engine;
beforeAll(() => {
  engine = new Engine();
});
afterAll(() => engine.dispose());

/** Statistics of both passes: what a token's experts add, and what all experts give. */
const both: Scorer = {
  name: 'both',
  title: 'Both passes',
  reference: 'none: a test',
  needs: [expertHits, gatedOutputNorms, squaredNormsOnAllTokens],
  score(layer) {
    const added = means(layer.read(gatedOutputNorms, 'sum'), layer.read(expertHits, 'count'));
    return layer.read(squaredNormsOnAllTokens, 'sum').map((sum, e) => Math.sqrt(sum) * added[e]!);
  },
};
const compressor = dropLowest(both) as Compressor;
const method = { compressor, origin: { package: 'test', version: '0' } };
const options = { ratio: 0.5, seed: 0 };

async function opened(family: string) {
  const { model: folder, sequences } = await fixtures
    .find(({ name }) => name.startsWith(`${family} `))!
    .load();
  return { model: await openModel(folder), set: { source: 'golden', seed: 0, sequences } };
}

/** The definition: every layer is measured anew on the whole model with the layers below it as they were decided. */
async function oneByOne(model: Model, set: Awaited<ReturnType<typeof opened>>['set']): Promise<LayerPlan[]> {
  const decided: LayerPlan[] = [];
  const tools = engineTools(engine, () => Promise.reject(new Error('not asked for')));
  for (const block of moeBlocks(model)) {
    const evidence = await calibrate(engine, {
      model: applyLayers(model, decided),
      set,
      statistics: both.needs,
    });
    const own = { ...evidence, layers: [layerEvidence(evidence, block.index)] };
    const rng = createRng(0);
    const asked = { model: { ...model, blocks: [block] }, evidence: own, options, rng, tools };
    decided.push(...(await compressor.plan(asked)).layers);
  }
  return decided;
}

describe('calibration layer by layer', () => {
  // Its first layer is dense.
  it('decides as if each layer were measured on a model that is compressed below it', async () => {
    const { model, set } = await opened('deepseek');
    const request = { model, method, options, calibration: async () => set };
    const { layers, details, calibration } = await planInOrder(engine, request);
    expect(layers).toEqual(await oneByOne(model, set));
    expect(layers.length).toBe(moeBlocks(model).length);
    expect(details).toEqual({ propagated: true });
    expect(calibration).toMatchObject({ sequences: set.sequences.length });
  });
});

it('measures the original where nothing is changed, also from files', async () => {
  const { model, set } = await opened('olmoe');
  const evidence = await calibrate(engine, { model, set, statistics: both.needs });
  const seen: number[] = [];
  await calibrateInOrder(engine, {
    ...{ model, set, statistics: both.needs, carried: 0 },
    async decide(block, measured) {
      seen.push(block.index);
      const original = layerEvidence(evidence, block.index);
      expect(measured.read(expertHits, 'count')).toEqual(original.read(expertHits, 'count'));
      const norms = original.read(gatedOutputNorms, 'sum');
      for (const [e, sum] of measured.read(gatedOutputNorms, 'sum').entries())
        expect(sum).toBeCloseTo(norms[e]!, 5);
      return block;
    },
  });
  expect(seen).toEqual(moeBlocks(model).map(({ index }) => index));
});

it.each<[string, Scorer, object, string]>([
  ['that compares layers', both, { budget: 'global' }, 'OPTIONS_INVALID'],
  [
    'that measures nothing',
    { ...both, needs: [], score: (_, { ffn }) => new Float64Array(ffn.pool.length) },
    {},
    'OPTIONS_INVALID',
  ],
  ['that takes gradients', { ...both, needs: [tokenMaskFisher] }, {}, 'CALIBRATION_INVALID'],
])('refuses a method %s before anything is measured', async (_, scorer, more, code) => {
  const { model, set } = await opened('olmoe');
  const asked = { compressor: dropLowest(scorer) as Compressor, origin: method.origin };
  const request = { model, method: asked, options: { ...options, ...more }, calibration: async () => set };
  await expect(planInOrder(engine, request)).rejects.toMatchObject({ code, where: 'propagate' });
});
