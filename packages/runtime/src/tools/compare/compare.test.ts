import { decodeFloat32 } from '@moepress/checkpoint';
import type { LayerPlan } from '@moepress/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Engine } from '../../engine/engine.js';
import {
  condensed,
  deepseek,
  type Loaded,
  load,
  meanSquaredDistance,
  squaredDistance,
  traceView,
} from '../support.test.util.js';
import { compareViews } from './compare.js';

type View = readonly LayerPlan[];

let loaded: Loaded;
const engine = new Engine({ workers: 2, threads: 2 });
beforeAll(async () => {
  loaded = await load(deepseek);
});
afterAll(() => engine.dispose());

const compare = (views: readonly View[], { memory = 2 ** 30, sequences = loaded.sequences } = {}) =>
  compareViews({ engine, carried: memory, ...loaded, sequences }, { views, criterion: squaredDistance });

/** One of the changes of a layer: none, or one of two sets of experts. */
const form = (layer: number) =>
  fc.constantFrom<View>(
    [],
    [condensed(layer, [[1, 0.1]])],
    [
      condensed(layer, [
        [2, 0.1],
        [7, 0.2],
      ]),
    ],
  );
const view = fc.tuple(form(1), form(2)).map((forms): View => forms.flat());

/** x / sqrt(mean(x²) + epsilon) * weight, token by token. */
function normed(states: Float32Array, weight: Float32Array, epsilon: number): Float32Array {
  const width = weight.length;
  return states.map((value, i) => {
    const row = states.subarray(i - (i % width), i - (i % width) + width);
    const square = row.reduce((sum, x) => sum + x * x, 0) / width;
    return (value / Math.sqrt(square + epsilon)) * weight[i % width]!;
  });
}

describe('comparing views', () => {
  it('measures them after the final norm', async () => {
    const { model } = loaded;
    const { hiddenSize, rmsNormEps } = model.config;
    const weight = await decodeFloat32(model.finalNorm);
    const last = async (changes: View) =>
      (await traceView(loaded, changes)).map(({ hidden }) =>
        normed(hidden.at(-1)!.data as Float32Array, weight, rmsNormEps),
      );
    const views = [[condensed(1, [[3, 0.2]])], [condensed(1, []), condensed(2, [[0, 0.1]])]];
    const reference = await last([]);
    const { distances } = await compare(views);
    for (const [v, changes] of views.entries()) {
      const own = (await last(changes)).map((states, s) =>
        meanSquaredDistance(reference[s]!, states, hiddenSize),
      );
      expect(distances[v]! / (own.reduce((sum, d) => sum + d, 0) / own.length)).toBeCloseTo(1, 4);
    }
  });

  it('gives each the bits it would get by itself, in whatever groups the tokens go', async () => {
    const sequences = Array.from({ length: 30 }, () => loaded.sequences).flat();
    const alone = new Map<string, number>();
    const distanceAlone = async (changes: View) => {
      const key = JSON.stringify(changes);
      if (!alone.has(key)) alone.set(key, (await compare([changes], { sequences })).distances[0]!);
      return alone.get(key)!;
    };
    const memory = fc.constantFrom(1, 2 ** 20, 2 ** 30);
    await fc.assert(
      fc.asyncProperty(fc.array(view, { minLength: 1, maxLength: 5 }), memory, async (views, bytes) => {
        const together = await compare(views, { sequences, memory: bytes });
        for (const [v, changes] of views.entries()) {
          expect(together.distances[v]).toBe(await distanceAlone(changes));
          expect(together.distances[v] === 0).toBe(changes.length === 0);
        }
      }),
      { numRuns: 12 },
    );
  });

  it('runs what views have in common once', async () => {
    const [first, second] = [condensed(1, []), condensed(2, [])];
    // The unchanged model: three blocks. Each view: those from its first change on.
    expect((await compare([])).blockRuns).toBe(3);
    expect((await compare([[], []])).blockRuns).toBe(3);
    expect((await compare([[second]])).blockRuns).toBe(3 + 1);
    expect((await compare([[first], [first, second], [second]])).blockRuns).toBe(3 + 2 + 1 + 1);
  });

  it('tells how far it is in tokens', async () => {
    const totals: number[] = [];
    const done: number[] = [];
    await compareViews(
      { engine, carried: 1, ...loaded },
      {
        views: [[condensed(2, [])]],
        criterion: squaredDistance,
        progress: (event) => {
          if (event.type === 'start') totals.push(event.total);
          if (event.type === 'advance') done.push(event.done);
        },
      },
    );
    const tokens = loaded.sequences.reduce((sum, ids) => sum + ids.length, 0);
    expect([totals, done.at(-1)]).toEqual([[tokens], tokens]);
  });

  it('refuses views of layers that have no experts', async () => {
    await expect(compare([[condensed(0, [])]])).rejects.toMatchObject({ code: 'PLAN_INVALID' });
  });
});
