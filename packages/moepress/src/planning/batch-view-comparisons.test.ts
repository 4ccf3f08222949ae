import type { CompareRequest, Criterion, LayerPlan, MethodTools } from '@moepress/core';
import { noTools } from '@moepress/core/testing';
import { describe, expect, it } from 'vitest';
import { batchViewComparisons, type Job } from './batch-view-comparisons.js';

const criterion = (name: string): Criterion => ({ name, distanceFrom: () => (candidate) => candidate });
const near = criterion('near');

/** A view that is told apart by its layer alone. */
const view = (layer: number): LayerPlan[] => [{ layer, ops: [{ op: 'keep-experts', experts: [0] }] }];

/** Distances are the views' layers. Notes what was compared together. */
function recorded() {
  const rounds: number[][] = [];
  const later = async <T>(result: T): Promise<T> => {
    await new Promise(setImmediate);
    return result;
  };
  const tools: MethodTools = {
    ...noTools,
    gram: () => later(Float64Array.of(1)),
    replayLayers: async (_, visit) => {
      await visit({ layer: 0, tryExperts: async () => new Float64Array(), add: async () => {} });
    },
    compareViews: ({ views }: CompareRequest) => {
      const layers = views.map(([change]) => change!.layer);
      rounds.push(layers);
      return later({ distances: Float64Array.from(layers), blockRuns: layers.length });
    },
  };
  return { rounds, tools };
}

/** Compares so many views in turn, beginning with layer `from`; yields their distances. */
const comparing =
  (tools: MethodTools, from: number, times: number): Job<number[]> =>
  async (wrap) => {
    const { compareViews, gram } = wrap(tools);
    const found: number[] = [];
    for (let i = 0; i < times; i++) {
      await gram([]);
      const { distances } = await compareViews({ views: [view(from + i), view(100)], criterion: near });
      expect(distances[1]).toBe(100);
      found.push(distances[0]!);
    }
    return found;
  };

describe('jobs that compare views', () => {
  it('compares together what waits, and gives each its own distances', async () => {
    const { rounds, tools } = recorded();
    const found = await batchViewComparisons([0, 10, 20].map((from, i) => comparing(tools, from, i)));
    expect(found).toEqual([[], [10], [20, 21]]);
    expect(rounds).toEqual([
      [10, 100, 20, 100],
      [21, 100],
    ]);
  });

  it('answers at once what one asks at once, each criterion by itself', async () => {
    const { rounds, tools } = recorded();
    const both: Job<number[]> = async (wrap) => {
      const { compareViews } = wrap(tools);
      const asked = [near, criterion('far')].map((by, i) =>
        compareViews({ views: [view(i)], criterion: by }),
      );
      return (await Promise.all(asked)).flatMap(({ distances }) => [...distances]);
    };
    expect(await batchViewComparisons([both, both])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(rounds).toEqual([[0, 0], [1], [1]]);
  });

  it('does not make a comparison wait during a replay', async () => {
    const { rounds, tools } = recorded();
    const replaying: Job<number> = async (wrap) => {
      const { compareViews, replayLayers } = wrap(tools);
      let distance = Number.NaN;
      await replayLayers({ layers: [0], criterion: near }, async () => {
        const { distances } = await compareViews({ views: [view(7)], criterion: near });
        distance = distances[0]!;
      });
      return distance;
    };
    expect(await batchViewComparisons([replaying, replaying])).toEqual([7, 7]);
    expect(rounds).toEqual([[7], [7]]);
  });

  it.each([0, 1])('fails with who fails, after %i comparisons', async (times) => {
    const { tools } = recorded();
    const failing: Job<number[]> = async (wrap) => {
      await comparing(tools, 0, times)(wrap);
      throw new Error('no luck');
    };
    await expect(batchViewComparisons([comparing(tools, 5, 1), failing])).rejects.toThrow('no luck');
  });

  it('ends all that wait when one fails', async () => {
    const { rounds, tools } = recorded();
    const failing: Job<number[]> = async () => {
      await new Promise(setImmediate);
      throw new Error('no luck');
    };
    const log: string[] = [];
    const waiting: Job<number[]> = async (wrap) =>
      comparing(
        tools,
        5,
        1,
      )(wrap).catch((error) => {
        log.push(error.message);
        throw error;
      });
    await expect(batchViewComparisons([waiting, failing, waiting])).rejects.toThrow('no luck');
    expect({ log, rounds }).toEqual({ log: ['no luck', 'no luck'], rounds: [] });
  });

  it('fails with the comparison', async () => {
    const { tools } = recorded();
    const broken = { ...tools, compareViews: () => Promise.reject(new Error('no memory')) };
    await expect(batchViewComparisons([comparing(broken, 5, 1)])).rejects.toThrow('no memory');
  });
});
