import type { Scorer } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { expect, it } from 'vitest';
import { findMethod } from './find-methods.js';

const first: Scorer = {
  name: 'first',
  title: 'Keep the first experts',
  reference: 'none',
  needs: [],
  score: (_, { ffn }) => Float64Array.from(ffn.pool.keys(), (expert) => -expert),
};

it.each([
  ['given itself', () => findMethod(first, {})],
  ['of a plugin', () => findMethod('first', { plugins: [{ name: 'mine', scorers: [first] }] })],
])('a ranking of experts is a method: %s', async (_, find) => {
  const { compressor, origin } = await find();
  const outline = compressor.outline!(toyModel({ layers: 1 }), { ratio: 0.5, seed: 0 });
  expect(outline).toHaveLength(1);
  expect([compressor.name, origin.version]).toEqual(['first', '0.0.0']);
});
