import { applyPlan, type DenseFfn, type Model, moeBlocks, weightedSum } from '@moepress/core';
import { randomWeights, type ToyWeights, toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { condensed, condenseOps, gateOf, randomTokens, runMlp, runRouted } from './support.test.util.js';

const tokens = randomTokens(12, 8, 1);

const denseFfns = (view: Model) => view.blocks.map(({ ffn }) => ffn as DenseFfn);

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  for (const [h, value] of actual.entries()) expect(Math.abs(value - expected[h]!)).toBeLessThan(1e-9);
}

describe('the dense FFN', () => {
  test('computes the sum of its experts, each times its constant', async () => {
    const model = toyModel({ layers: 2, experts: 6, topK: 3 });
    for (const scaling of ['uniform', 'proportional', 'matched']) {
      const plan = await condensed(model, { scaling, align: 16 });
      const ffns = denseFfns(applyPlan(model, plan));
      for (const [i, op] of condenseOps(plan).entries()) {
        const { pool } = moeBlocks(model)[i]!.ffn;
        for (const x of tokens) {
          const parts = op.parts.map(({ experts: [expert], scale }) =>
            runMlp(pool[expert!]!, x, randomWeights).map((value) => scale * value),
          );
          const sum = parts.reduce((total, part) => total.map((value, h) => value + part[h]!));
          expectClose(runMlp(ffns[i]!.mlp, x, randomWeights), sum);
        }
        expect(ffns[i]!.mlp.width).toBe(32);
      }
    }
  });

  test('has the weighted means of grouped experts', async () => {
    const model = toyModel({ layers: 1, experts: 6, topK: 2 });
    const plan = await condensed(model, { keep: 5, grouping: 'balanced' });
    const [op] = condenseOps(plan);
    const { pool } = moeBlocks(model)[0]!.ffn;
    const [ffn] = denseFfns(applyPlan(model, plan));
    expect(op!.parts.map(({ experts }) => experts.length).sort()).toEqual([2, 3]);
    for (const x of tokens) {
      const parts = op!.parts.map(({ experts, shares, scale }) => {
        const mean = (part: 'gate' | 'up' | 'down') =>
          weightedSum(
            experts.map((e) => pool[e]![part]!),
            shares,
          );
        const mlp = { ...pool[0]!, gate: mean('gate'), up: mean('up'), down: mean('down') };
        return runMlp(mlp, x, randomWeights).map((value) => scale * value);
      });
      expectClose(
        runMlp(ffn!.mlp, x, randomWeights),
        parts[0]!.map((value, h) => value + parts[1]![h]!),
      );
    }
    for (const { shares } of op!.parts) expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  test('is the MoE itself where a normalising router chooses all experts alike', async () => {
    const normalising = withNormalisation(toyModel({ layers: 1, experts: 3, topK: 3 }));
    // A router of zeros gives every expert 1/3, whatever the token.
    const weights: ToyWeights = (tensor) =>
      tensor.name.endsWith('mlp.gate.weight')
        ? new Float64Array(randomWeights(tensor).length)
        : randomWeights(tensor);
    const plan = await condensed(normalising, {}, { weights });
    expect(plan.details).toMatchObject({ layers: [{ scaling: 'uniform' }] });
    expect((plan.details as { layers: { error: number }[] }).layers[0]!.error).toBeLessThan(1e-6);
    const [ffn] = denseFfns(applyPlan(normalising, plan));
    for (const x of tokens) {
      expectClose(runMlp(ffn!.mlp, x, weights), runRouted(moeBlocks(normalising)[0]!.ffn, x, weights));
    }
  });

  test('has the relative error that running it shows', async () => {
    const model = toyModel({ layers: 1, experts: 6, topK: 2 });
    const plan = await condensed(model, { scoring: 'sf' }, { tokens });
    const [ffn] = denseFfns(applyPlan(model, plan));
    let [error, whole] = [0, 0];
    for (const x of tokens) {
      const routed = runRouted(moeBlocks(model)[0]!.ffn, x, randomWeights);
      const dense = runMlp(ffn!.mlp, x, randomWeights);
      error += routed.reduce((sum, value, h) => sum + (value - dense[h]!) ** 2, 0);
      whole += routed.reduce((sum, value) => sum + value ** 2, 0);
    }
    const [{ error: told }] = (plan.details as { layers: [{ error: number }] }).layers;
    expect(told).toBeCloseTo(Math.sqrt(error / whole), 9);
  });

  test('takes the shared expert in, times its mean gate, or leaves it beside', async () => {
    const model = toyModel({ layers: 1, experts: 4, topK: 2, shared: 5 });
    const { shared } = moeBlocks(model)[0]!.ffn;
    const gates = tokens.map((x) => gateOf(shared!.gate!, x, randomWeights));
    const mean = gates.reduce((sum, gate) => sum + gate, 0) / gates.length;
    const frozen = denseFfns(applyPlan(model, await condensed(model, {}, { tokens })))[0]!;
    const gated = denseFfns(applyPlan(model, await condensed(model, { shared: 'gated' }, { tokens })))[0]!;
    expect([frozen.mlp.width, frozen.shared]).toEqual([5 + 12, null]);
    expect([gated.mlp.width, gated.shared]).toEqual([12, shared]);
    for (const x of tokens) {
      const alone = runMlp(shared!.mlp, x, randomWeights);
      const beside = runMlp(gated.mlp, x, randomWeights);
      expectClose(
        runMlp(frozen.mlp, x, randomWeights),
        beside.map((value, h) => value + mean * alone[h]!),
      );
    }
  });
});

function withNormalisation(model: Model): Model {
  const blocks = model.blocks.map((block) =>
    block.ffn.kind === 'moe'
      ? { ...block, ffn: { ...block.ffn, router: { ...block.ffn.router, normalise: true } } }
      : block,
  );
  return { ...model, blocks };
}
