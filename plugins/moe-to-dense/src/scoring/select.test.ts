import { createRng, moeBlocks } from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { evidenceOf, randomTokens } from '../support.test.util.js';
import { type Scoring, scorings, selectExperts, selectionNeeds } from './select.js';

const model = toyModel({ layers: 1, experts: 6, topK: 2 });
const [block] = moeBlocks(model);
const evidence = evidenceOf(model, randomTokens(40, 8));
const [layer] = evidence.layers;
const context = { ffn: block!.ffn, rng: createRng(0) };
const select = (scoring: Scoring, count = 3) =>
  selectExperts(layer!, context, { scoring, count, regulariser: 0.5 });

const statistic = (name: string) => ({ name }) as Parameters<NonNullable<typeof layer>['read']>[0];
const read = (name: string, output: string) => [...layer!.read(statistic(name), output)];

describe('selectExperts', () => {
  test.each(scorings)('%s reads what it says it needs, and takes K experts in order', (scoring) => {
    const names = new Set(selectionNeeds(scoring).map(({ name }) => name));
    const watched = {
      ...layer!,
      read: (of: Parameters<NonNullable<typeof layer>['read']>[0], output: string) => {
        expect(names).toContain(of.name);
        return layer!.read(of, output);
      },
    };
    const { experts } = selectExperts(watched, context, { scoring, count: 3, regulariser: 0.5 });
    expect(new Set(experts).size).toBe(3);
    expect(experts).toEqual(experts.toSorted((a, b) => a - b));
    expect(select(scoring, 6).experts).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('conditional probability is a mean over the tokens of an expert', () => {
    const [sums, hits] = [read('probability-sums', 'selected'), read('expert-hits', 'count')];
    expect([...select('cp').scores]).toEqual(sums.map((sum, e) => (hits[e] === 0 ? 0 : sum / hits[e]!)));
  });

  test('ACP multiplies it with the length of the output on all tokens', () => {
    const squares = read('squared-norms-on-all-tokens', 'sum');
    const expected = [...select('cp').scores].map((cp, e) => cp * Math.sqrt(squares[e]!));
    for (const [e, score] of select('acp').scores.entries()) expect(score).toBeCloseTo(expected[e]!, 12);
    expect(select('do-acp').scores).toEqual(select('acp').scores);
  });

  test('ranks what they mean to rank', () => {
    expect([...select('sf').scores]).toEqual(read('expert-hits', 'count'));
    expect([...select('pp').scores]).toEqual(read('probability-sums', 'all'));
    expect([...select('output-norm').scores]).toEqual(
      read('squared-norms-on-all-tokens', 'sum').map(Math.sqrt),
    );
  });

  test('scores an expert without tokens 0 where the mean is over its tokens', () => {
    const silent = { ...layer!, read: () => new Float64Array(6) };
    for (const scoring of ['cp', 'acp', 'reap'] as const) {
      const { scores } = selectExperts(silent, context, { scoring, count: 2, regulariser: 1 });
      expect([...scores]).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });
});
