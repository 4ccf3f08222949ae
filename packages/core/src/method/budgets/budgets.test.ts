import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { moeBlocks } from '../../model/walk.js';
import { toyLayerEvidence } from '../../testing/toy-evidence.js';
import { toyModel } from '../../testing/toy-model.js';
import { createRng } from '../rng.js';
import { type Budget, type BudgetLayer, totalSteps } from './budget.js';
import { chooseBudget, registerBudgets } from './known-budgets.js';

/** Layers with these scores, of which one expert leaves at a time and two stay at least. */
function layersOf(scores: readonly (readonly number[])[], ratio: number): BudgetLayer[] {
  const { ffn } = moeBlocks(toyModel({ layers: 1, experts: scores[0]!.length }))[0]!;
  return scores.map((own, layer) => {
    const most = own.length - 2;
    const costs = Float64Array.from(own).sort().subarray(0, most);
    const given = Float64Array.from(own);
    const evidence = toyLayerEvidence(layer, {});
    const share = Math.floor(ratio * own.length);
    return { layer, ffn, scores: given, scoresBySet: [given], step: 1, costs, most, share, evidence };
  });
}

/** Four scores, of which this is the largest. */
const upTo = (most: number) => [0.25 * most, 0.5 * most, 0.75 * most, most];

const steps = (choice: Parameters<typeof chooseBudget>[0], layers: readonly BudgetLayer[]) => {
  const { budget, options } = chooseBudget(choice);
  return budget.allot({ layers, options }).map((one) => one.steps);
};

const scoreTable = fc
  .record({ layers: fc.integer({ min: 1, max: 5 }), experts: fc.integer({ min: 4, max: 9 }), seed: fc.nat() })
  .map(({ layers, experts, seed }) => {
    const rng = createRng(seed);
    return Array.from({ length: layers }, () => Array.from({ length: experts }, () => rng.next() + 0.01));
  });
const ratios = fc.double({ min: 0, max: 0.5, noNaN: true });

describe('budgets', () => {
  test('meet the ratio together and leave every router enough', () => {
    const names = fc.constantFrom('uniform', 'global', 'coverage');
    const law = fc.property(scoreTable, ratios, names, (table, ratio, name) => {
      const layers = layersOf(table, ratio);
      const given = steps(name, layers);
      expect(given.every((own, i) => own >= 0 && own <= layers[i]!.most)).toBe(true);
      expect(given.reduce((sum, own) => sum + own, 0)).toBe(totalSteps(layers));
    });
    fc.assert(law);
  });

  test('global drops what one ranking of all experts drops', () => {
    const law = fc.property(scoreTable, ratios, (table, ratio) => {
      const layers = layersOf(table, ratio);
      const given = steps('global', layers);
      // By brute force: the lowest experts that may go, whatever their layer.
      const candidates = table.flatMap((own, layer) =>
        own
          .toSorted((a, b) => a - b)
          .slice(0, own.length - 2)
          .map((score) => ({ layer, score })),
      );
      const gone = candidates.sort((a, b) => a.score - b.score).slice(0, totalSteps(layers));
      expect(given).toEqual(table.map((_, i) => gone.filter(({ layer }) => layer === i).length));
    });
    fc.assert(law);
  });

  test('global leaves a layer its floor, and may take scores relative to their layer', () => {
    const layers = layersOf([upTo(4), upTo(40)], 0.25);
    expect(steps('global', layers)).toEqual([2, 0]);
    expect(steps({ name: 'global', floor: 0.75 }, layers)).toEqual([1, 1]);
    const alike = layersOf([upTo(4), [1, 30, 30, 30]], 0.25);
    expect(steps('global', alike)).toEqual([1, 1]);
    expect(steps({ name: 'global', relative: true }, layersOf([[3, 3, 3, 3.1], upTo(40)], 0.25))).toEqual([
      0, 2,
    ]);
  });

  test('coverage keeps the smallest set with the share', () => {
    const law = fc.property(scoreTable, fc.double({ min: 0, max: 1, noNaN: true }), (table, share) => {
      const layers = layersOf(table, 0);
      const given = steps({ name: 'coverage', share }, layers);
      for (const [i, own] of table.entries()) {
        const sorted = own.toSorted((a, b) => b - a);
        const total = sorted.reduce((sum, score) => sum + score, 0);
        const kept = (count: number) => sorted.slice(0, count).reduce((sum, score) => sum + score, 0) / total;
        const count = own.length - given[i]!;
        expect(kept(count)).toBeGreaterThan(share - 1e-9);
        if (count > 2) expect(kept(count - 1)).toBeLessThan(share + 1e-9);
      }
    });
    fc.assert(law);
  });

  test.each(['coverage', 'max-min'])('%s refuses negative scores, of which there are no shares', (name) => {
    expect(() => steps(name, layersOf([[1, 2, -1, 3]], 0.25))).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID', where: 'options.budget' }),
    );
  });

  test('max-min keeps for each set in turn what it would miss most', () => {
    const [layer] = layersOf([[9, 8, 1, 1, 1, 1]], 0.5);
    const other = Float64Array.of(1, 1, 1, 1, 9, 8);
    const { budget } = chooseBudget('max-min');
    const compared = { ...layer!, scoresBySet: [layer!.scores, other] };
    const [decided] = budget.allot({ layers: [compared], options: {} });
    expect(decided!.steps).toBe(3);
    const order = [...decided!.scores!.keys()].sort((a, b) => decided!.scores![b]! - decided!.scores![a]!);
    expect(order.slice(0, 4)).toEqual([0, 4, 1, 5]);
  });
});

describe('the option budget', () => {
  test.each([
    ['globl', 'Did you mean "global"?', 'options.budget'],
    [{ name: 'global', floor: 2 }, 'Too big', 'options.budget.floor'],
    [{ name: 'coverage', part: 0.5 }, 'has no option "part"', 'options.budget'],
  ])('refuses %j', (choice, message, where) => {
    const refusal = { code: 'OPTIONS_INVALID', message: expect.stringContaining(message), where };
    expect(() => chooseBudget(choice)).toThrow(expect.objectContaining(refusal));
  });

  test('takes no budget of a plugin under a name that there is', () => {
    const own: Budget = { ...chooseBudget('uniform').budget, title: 'Another' };
    const origin = { package: 'x', version: '1' };
    expect(() => registerBudgets([own], origin)).toThrow(expect.objectContaining({ code: 'PLUGIN_INVALID' }));
    registerBudgets([{ ...own, name: 'mine' }], origin);
    registerBudgets([{ ...own, name: 'mine' }], origin);
    expect(chooseBudget('mine').budget.title).toBe('Another');
    expect(() => registerBudgets([{ ...own, name: 'mine' }], { ...origin, package: 'y' })).toThrow('of x');
  });
});
