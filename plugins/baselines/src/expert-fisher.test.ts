import { createRng, moeBlocks } from '@moepress/core';
import { toyLayerEvidence, toyModel } from '@moepress/core/testing';
import { expect, test } from 'vitest';
import { expertFisher } from './expert-fisher.js';

test('adds up the channels of each expert', () => {
  const { ffn } = moeBlocks(toyModel({ layers: 1, experts: 3, topK: 1, width: 2 }))[0]!;
  const layer = toyLayerEvidence(0, { 'weight-gradient-magnitude': { sum: [1, 2, 3, 4, 5, 6] } });
  expect([...expertFisher.score(layer, { ffn, rng: createRng(0) })]).toEqual([3, 7, 11]);
});
