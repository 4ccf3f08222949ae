import {
  applyPlan,
  createRng,
  type Model,
  type MoeFfn,
  moeBlocks,
  parseOptions,
  type StoredTensor,
  type TensorExpr,
} from '@moepress/core';
import {
  randomWeights,
  type ToyWeights,
  toyEvidence,
  toyModel,
  toyPlan,
  toyTools,
} from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conmoe } from './compressor.js';

const [experts, topK, hidden] = [8, 3, 8];
const model = toyModel({ layers: 1, experts, topK, hidden, width: 6 });
const ffnOf = (view: Model) => moeBlocks(view)[0]!.ffn;

/** Expert 7 is a copy of expert 3. */
const twins: ToyWeights = (tensor) =>
  randomWeights({ ...tensor, name: tensor.name.replace('experts.7.', 'experts.3.') });

/** W x, W [out, in]. */
function multiply(weights: ToyWeights, tensor: TensorExpr, x: readonly number[]): number[] {
  const w = weights(tensor as StoredTensor);
  const [height, width] = tensor.shape as [number, number];
  return Array.from({ length: height }, (_, i) =>
    x.reduce((sum, value, j) => sum + value * w[i * width + j]!, 0),
  );
}

/** The slots the router selects for a token, with their weights. */
function route(ffn: MoeFfn, weights: ToyWeights, x: readonly number[]) {
  const logits = multiply(weights, ffn.router.weight, x);
  const total = logits.reduce((sum, z) => sum + Math.exp(z), 0);
  const slots = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, ffn.router.topK);
  return slots.map((slot) => ({ slot, weight: Math.exp(logits[slot]!) / total }));
}

/** y = sum over the chosen slots of g f(x). */
function forward(ffn: MoeFfn, weights: ToyWeights, x: readonly number[]): number[] {
  const silu = (z: number) => z / (1 + Math.exp(-z));
  const parts = route(ffn, weights, x).map(({ slot, weight }) => {
    const { gate, up, down } = ffn.pool[ffn.slots[slot]!]!;
    const lifted = multiply(weights, up, x);
    const activation = multiply(weights, gate!, x).map((z, i) => silu(z) * lifted[i]!);
    return multiply(weights, down, activation).map((value) => weight * value);
  });
  return parts.reduce((sum, part) => sum.map((value, i) => value + part[i]!));
}

async function compress(weights: ToyWeights, contributions: readonly number[], prototypes: number) {
  const evidence = toyEvidence({
    0: {
      'expert-hits': { count: contributions.map(() => 1) },
      'gated-output-norms': { sum: contributions },
    },
  });
  const options = parseOptions(conmoe, { ratio: 1 - prototypes / experts });
  const context = { model, evidence, options, rng: createRng(0), tools: toyTools(weights) };
  const { layers, warnings } = await conmoe.plan(context);
  return { view: applyPlan(model, toyPlan(model, layers)), warnings };
}

const tokens = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), {
  minLength: hidden,
  maxLength: hidden,
});
const rising = [1, 2, 3, 4, 5, 6, 7, 8];

describe('the compressed function', () => {
  test('is unchanged where exactly one of two equal experts was dropped', async () => {
    const { view, warnings } = await compress(twins, rising, experts - 1);
    expect(ffnOf(view).pool.map(({ origin }) => origin.index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(warnings).toEqual([]);
    fc.assert(
      fc.property(tokens, (x) => {
        expect(forward(ffnOf(view), twins, x)).toEqual(forward(ffnOf(model), twins, x));
      }),
    );
  });

  test('warns where both of two equal experts were dropped', async () => {
    const { view, warnings } = await compress(twins, rising, experts - 2);
    expect(ffnOf(view).pool.map(({ origin }) => origin.index)).toEqual([0, 1, 2, 4, 5, 6]);
    expect(warnings).toEqual([
      expect.stringMatching(/Near-duplicate .* 1 pairs in layer 0, such as 0\.3 and 0\.7/),
    ]);
  });

  test('the weights of the prototypes sum to the weights of the chosen slots', async () => {
    const { view } = await compress(randomWeights, rising, 4);
    const { slots, pool } = ffnOf(view);
    fc.assert(
      fc.property(tokens, (x) => {
        const chosen = route(ffnOf(view), randomWeights, x);
        const alpha = pool.map((_, entry) =>
          chosen.filter(({ slot }) => slots[slot] === entry).reduce((sum, { weight }) => sum + weight, 0),
        );
        const before = route(ffnOf(model), randomWeights, x).reduce((sum, { weight }) => sum + weight, 0);
        expect(alpha.reduce((sum, weight) => sum + weight)).toBeCloseTo(before, 12);
      }),
    );
  });
});
