import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerReplay, WeightedExpert } from '@moepress/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../engine/engine.js';
import { inTemporaryFolder } from '../../testing/temporary.js';
import {
  condensed,
  deepseek,
  type Loaded,
  load,
  meanSquaredDistance,
  olmoe,
  qwen2,
  squaredDistance,
  traceView,
} from '../support.test.util.js';
import { replayLayers } from './replay.js';

const ample = 2 ** 30;

async function replay(
  loaded: Loaded,
  layers: readonly number[],
  visit: (layer: LayerReplay) => Promise<void>,
  { workers = 1, memory = ample } = {},
): Promise<void> {
  const engine = new Engine({ workers, threads: workers });
  try {
    await replayLayers({ engine, carried: memory, ...loaded }, { layers, criterion: squaredDistance }, visit);
  } finally {
    await engine.dispose();
  }
}

/** Tries three experts, adds one, tries two more. */
async function script(layer: LayerReplay): Promise<number[]> {
  const first = await layer.tryExperts([trial(0), trial(3), trial(5)]);
  await layer.add(trial(3));
  return [...first, ...(await layer.tryExperts([trial(5), trial(0)]))];
}

const trial = (expert: number): WeightedExpert => ({ expert, weight: 0.05 + expert / 20 });
const tried = [[0], [3], [5], [3, 5], [3, 0]].map((experts) =>
  experts.map((expert): [number, number] => [expert, trial(expert).weight]),
);

describe.each([olmoe, qwen2, deepseek])('replaying layers of $name', (family) => {
  let loaded: Loaded;
  beforeAll(async () => {
    loaded = await load(family);
  });

  it('measures what a condensed view would compute', async () => {
    const { hiddenSize } = loaded.model.config;
    const reference = await traceView(loaded, []);
    const measured: number[][] = [];
    const visited: number[] = [];
    await replay(loaded, loaded.layers, async (layer) => {
      visited.push(layer.layer);
      measured.push(await script(layer));
    });
    expect(visited).toEqual(loaded.layers);
    for (const [l, layer] of loaded.layers.entries()) {
      for (const [i, experts] of tried.entries()) {
        const view = await traceView(loaded, [condensed(layer, experts)]);
        const distances = view.map(({ hidden }, s) =>
          meanSquaredDistance(
            reference[s]!.hidden[layer + 1]!.data as Float32Array,
            hidden[layer + 1]!.data as Float32Array,
            hiddenSize,
          ),
        );
        const expected = distances.reduce((sum, d) => sum + d, 0) / distances.length;
        // A view rounds weights that are scaled to their stored type, as its checkpoint will have them.
        expect(measured[l]![i]! / expected).toBeCloseTo(1, 3);
      }
    }
  });

  it('gives the same bits in memory and in files, with one worker and with two', async () => {
    const layers = loaded.layers.slice(-1);
    const many = { ...loaded, sequences: Array(40).fill(loaded.sequences).flat() };
    const runs = [{}, { workers: 2 }, { memory: 0 }, { workers: 2, memory: 0 }];
    const results: number[][] = [];
    for (const options of runs) {
      await replay(many, layers, async (layer) => void results.push(await script(layer)), options);
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });
});

describe('replaying layers', () => {
  let loaded: Loaded;
  const engine = new Engine({ workers: 2, threads: 2 });
  beforeAll(async () => {
    loaded = await load(deepseek);
  });
  afterAll(() => engine.dispose());

  const bound = () => ({ engine, carried: 0, ...loaded });
  const request = () => ({ layers: loaded.layers, criterion: squaredDistance });

  it('refuses layers without experts and experts that do not exist', async () => {
    await expect(replayLayers(bound(), { ...request(), layers: [0] }, async () => {})).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: 'Layer 0 has no experts.',
    });
    for (const wrong of [
      { expert: 16, weight: 1 },
      { expert: 0, weight: Number.NaN },
    ]) {
      await expect(replayLayers(bound(), request(), (layer) => layer.add(wrong))).rejects.toMatchObject({
        code: 'PLUGIN_INVALID',
      });
    }
  });

  it('leaves no scratch files, whether it ends well or is stopped', () =>
    inTemporaryFolder(async (folder) => {
      const own = join(folder, 'tmp');
      mkdirSync(own);
      const before = process.env.TMPDIR;
      process.env.TMPDIR = own;
      try {
        const meanwhile: number[] = [];
        const look = async () => void meanwhile.push(readdirSync(own).length);
        await replayLayers(bound(), request(), look);
        const controller = new AbortController();
        const stopped = replayLayers(bound(), { ...request(), signal: controller.signal }, async (layer) => {
          controller.abort();
          await script(layer);
        });
        await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
        expect(meanwhile).toEqual(loaded.layers.map(() => 1));
        expect(readdirSync(own)).toEqual([]);
      } finally {
        if (before === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = before;
      }
    }));
});
