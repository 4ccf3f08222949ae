import type { FoundMethod } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { configurationsOf } from './configuration.js';
import type { Grid } from './grid.js';

const method: FoundMethod = {
  origin: { package: 'toy', version: '1' },
  compressor: {
    specVersion: 1,
    name: 'toy',
    title: 'Toy',
    reference: 'none',
    options: z.strictObject({ ratio: z.number(), seed: z.int().default(0) }),
    needs: () => [],
    plan: async () => ({ layers: [] }),
  },
};

const configurations = (options: Grid['options']) => {
  const data: Grid = { title: 'T', model: 'm', revision: null, method: 'toy', options, seed: 7, tasks: [] };
  const set = { source: 'text', seed: 7, sequences: [[1, 2]] };
  return configurationsOf(
    { data, whereIs: () => 'grid.yaml' },
    { base: toyModel(), identity: 'a', method, set },
  );
};

it('tries every seed that the options list', async () => {
  const found = await configurations({ ratio: [0.25, 0.5, 0.125], seed: [0, 1] });
  expect(found.map(({ given }) => [given.ratio, given.seed])).toEqual([
    [0.25, 0],
    [0.25, 1],
    [0.5, 0],
    [0.5, 1],
    [0.125, 0],
    [0.125, 1],
  ]);
  expect(new Set(found.map(({ address }) => address)).size).toBe(6);
});

it("takes the grid's seed where the options have none", async () => {
  const [only] = await configurations({ ratio: 0.5 });
  expect(only!.given).toEqual({ ratio: 0.5, seed: 7 });
  const [own] = await configurations({ ratio: 0.5, seed: 3 });
  expect(own!.given).toEqual({ ratio: 0.5, seed: 3 });
});
