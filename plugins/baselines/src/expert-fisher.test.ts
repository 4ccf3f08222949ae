import { createRng, moeBlocks } from '@moepress/core';
import { toyLayerEvidence, toyModel } from '@moepress/core/testing';
import { expect, test } from 'vitest';
import { expertFisher } from './expert-fisher.js';

test('adds up the channels of each expert, however wide it is', () => {
  const { ffn } = moeBlocks(toyModel({ layers: 1, experts: 3, topK: 1, width: 2 }))[0]!;
  const [first, second, third] = ffn.pool;
  const ragged = { ...ffn, pool: [first!, { ...second!, width: 0 }, { ...third!, width: 3 }] };
  const layer = (...sum: number[]) => toyLayerEvidence(0, { 'weight-gradient-magnitude': { sum } });
  const rng = createRng(0);
  expect([...expertFisher.score(layer(1, 2, 3, 4, 5, 6), { ffn, rng })]).toEqual([3, 7, 11]);
  expect([...expertFisher.score(layer(1, 2, 3, 4, 5), { ffn: ragged, rng })]).toEqual([3, 0, 12]);
});
