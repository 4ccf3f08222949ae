import { createRng, moeBlocks } from '@moepress/core';
import { toyLayerEvidence, toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { expertFisher, frequency, random, reap } from './scorers.js';

const { ffn } = moeBlocks(toyModel())[0]!;
const context = (seed = 0) => ({ ffn, rng: createRng(seed) });
const layer = toyLayerEvidence(0, {
  'expert-hits': { count: [4, 0, 2, 1] },
  'gated-output-norms': { sum: [2, 0, 3, 1] },
});

describe('scorers', () => {
  test('frequency counts tokens', () => {
    expect([...frequency.score(layer, context())]).toEqual([4, 0, 2, 1]);
  });

  test('REAP is the mean over routed tokens, 0 without any', () => {
    expect([...reap.score(layer, context())]).toEqual([0.5, 0, 1.5, 1]);
  });

  test('random is a ranking that depends on the seed alone', () => {
    const scores = random.score(layer, context(1));
    expect([...scores].sort()).toEqual([0, 1, 2, 3]);
    expect(random.score(layer, context(1))).toEqual(scores);
    const rankings = Array.from({ length: 20 }, (_, seed) => random.score(layer, context(seed)).join());
    expect(new Set(rankings).size).toBeGreaterThan(5);
  });

  test('expert-fisher adds up the channels of each expert', () => {
    const { ffn: narrow } = moeBlocks(toyModel({ layers: 1, experts: 3, topK: 1, width: 2 }))[0]!;
    const gradients = toyLayerEvidence(0, { 'weight-gradient-magnitude': { sum: [1, 2, 3, 4, 5, 6] } });
    expect([...expertFisher.score(gradients, { ffn: narrow, rng: createRng(0) })]).toEqual([3, 7, 11]);
  });

  test('what is read is what is asked for', () => {
    for (const scorer of [random, frequency, reap]) {
      const asked = new Set(scorer.needs.map(({ name }) => name));
      const read = new Set<string>();
      const spy: typeof layer = {
        layer: 0,
        read(statistic, output) {
          read.add(statistic.name);
          return layer.read(statistic, output);
        },
      };
      scorer.score(spy, context());
      expect(read).toEqual(asked);
    }
  });
});
