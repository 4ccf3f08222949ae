import type { StoredTensor } from '@moepress/core';
import { noTools, randomWeights, type ToyWeights, toyModel, toyTools } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distancesBetween } from './distance.js';
import { scopesOf } from './scopes.js';

const n = 8;
const [{ members }] = scopesOf(toyModel({ layers: 2, experts: 4 }), 2) as [ReturnType<typeof scopesOf>[0]];
const distances = (weights: ToyWeights) => distancesBetween(members, toyTools(weights));
const expertOf = ({ name }: StoredTensor) =>
  /layers\.(\d+)\.mlp\.experts\.(\d+)/.exec(name)!.slice(1).join('.');

describe('distancesBetween', () => {
  test('equals the definition, computed without inner products', async () => {
    const norm = (values: Float64Array) => Math.hypot(...values);
    const expected = members.flatMap(({ expert: a }) =>
      members.map(({ expert: b }) => {
        const deltas = (['gate', 'up', 'down'] as const).map((projection) => {
          const [x, y] = [a, b].map((expert) => randomWeights(expert[projection] as StoredTensor));
          return (2 * norm(x!.map((value, i) => value - y![i]!))) / (norm(x!) + norm(y!) + 2e-8);
        });
        return deltas.reduce((sum, delta) => sum + delta) / 3;
      }),
    );
    const actual = await distances(randomWeights);
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 12);
  });

  test('is symmetric, 0 on the diagonal and at most 2, for any weights', () => {
    const scale = fc.constantFrom(0, 1e-6, 1, 1e6, -1);
    return fc.assert(
      fc.asyncProperty(fc.array(scale, { minLength: n, maxLength: n }), async (scales) => {
        const order = members.map(({ layer, index }) => `${layer}.${index}`);
        const weights: ToyWeights = (tensor) =>
          randomWeights(tensor).map((value) => value * scales[order.indexOf(expertOf(tensor))]!);
        const d = await distances(weights);
        for (let a = 0; a < n; a++) {
          expect(d[a * n + a]).toBe(0);
          for (let b = 0; b < n; b++) {
            expect(d[a * n + b]).toBe(d[b * n + a]);
            expect(d[a * n + b]).toBeLessThanOrEqual(2 + 1e-12);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test('equal experts are 0 apart, opposite ones 2, unrelated ones about the square root of 2', async () => {
    const d = await distances((tensor) => {
      const original = { ...tensor, name: tensor.name.replace(/experts\.[12]\./, 'experts.0.') };
      return randomWeights(original).map((value) => (/experts\.2\./.test(tensor.name) ? -value : value));
    });
    expect(d[0 * n + 1]).toBe(0);
    expect(d[0 * n + 2]).toBeCloseTo(2, 6);
    expect(d[0 * n + 3]).toBeGreaterThan(1.1);
    expect(d[0 * n + 3]).toBeLessThan(1.7);
  });

  test('round-off below 0 counts as 0', async () => {
    const tools = { ...noTools, gram: async () => Float64Array.from([1, 1 + 1e-12, 1 + 1e-12, 1]) };
    expect([...(await distancesBetween(members.slice(0, 2), tools))]).toEqual([0, 0, 0, 0]);
  });

  test('names a tensor that is not finite', async () => {
    const broken = 'model.layers.1.mlp.experts.2.up_proj.weight';
    const weights: ToyWeights = (tensor) =>
      randomWeights(tensor).map((value) => (tensor.name === broken ? Number.NaN : value));
    await expect(distances(weights)).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FINITE',
      where: `${broken} [6, 8] F32`,
    });
  });
});
