import {
  type DenseFfn,
  elementCount,
  type Mlp,
  type Model,
  measure,
  moeBlocks,
  type StoredTensor,
  type TensorExpr,
} from '@moepress/core';
import { randomWeights, type ToySizes, toyModel } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { condense } from './support.test.util.js';

const [hidden, width, experts] = [6, 4, 5];

/** The numbers of an expression, row-major. */
function evaluate(expr: TensorExpr): Float64Array {
  if (expr.kind === 'stored') return randomWeights(expr as StoredTensor);
  if (expr.kind === 'sum') {
    const terms = expr.of.map(evaluate);
    return terms[0]!.map((_, i) => terms.reduce((sum, term, t) => sum + expr.factors[t]! * term[i]!, 0));
  }
  if (expr.kind === 'zeros') return new Float64Array(elementCount(expr.shape));
  if (expr.kind !== 'concat') throw new Error(`There is to be no ${expr.kind}() here.`);
  if (expr.axis === 0) return Float64Array.from(expr.of.flatMap((part) => [...evaluate(part)]));
  const parts = expr.of.map((part) => ({ columns: part.shape[1]!, values: evaluate(part) }));
  const rows = Array.from({ length: expr.shape[0]! }, (_, r) =>
    parts.flatMap(({ columns, values }) => [...values.subarray(r * columns, (r + 1) * columns)]),
  );
  return Float64Array.from(rows.flat());
}

function multiply(tensor: TensorExpr, x: readonly number[]): number[] {
  const w = evaluate(tensor);
  const [height, columns] = tensor.shape as [number, number];
  return Array.from({ length: height }, (_, i) =>
    x.reduce((sum, value, j) => sum + value * w[i * columns + j]!, 0),
  );
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** down(silu(gate x) * up x) */
function run({ gate, up, down }: Mlp, x: readonly number[]): number[] {
  const lifted = multiply(up, x);
  return multiply(
    down,
    multiply(gate!, x).map((z, i) => z * sigmoid(z) * lifted[i]!),
  );
}

/** shared(x) + Σ w f(x), as published. */
function published(
  model: Model,
  chosen: readonly (readonly [number, number])[],
  x: readonly number[],
): number[] {
  const { pool, shared } = moeBlocks(model)[0]!.ffn;
  const gate = shared?.gate ? sigmoid(multiply(shared.gate, x)[0]!) : 1;
  const start = shared ? run(shared.mlp, x).map((value) => gate * value) : x.map(() => 0);
  return chosen.reduce(
    (sum, [expert, weight]) => run(pool[expert]!, x).map((value, i) => sum[i]! + weight * value),
    start,
  );
}

/** A dense FFN and the shared expert that is kept with it. */
function dense({ mlp, shared }: DenseFfn, x: readonly number[]): number[] {
  const own = run(mlp, x);
  if (!shared) return own;
  const gate = sigmoid(multiply(shared.gate!, x)[0]!);
  return run(shared.mlp, x).map((value, i) => own[i]! + gate * value);
}

/** As in the toy models, the shared expert has a gate. */
function withoutGate(model: Model): Model {
  const blocks = model.blocks.map((block) =>
    block.ffn.kind !== 'moe'
      ? block
      : { ...block, ffn: { ...block.ffn, shared: { mlp: block.ffn.shared!.mlp, gate: null } } },
  );
  return { ...model, blocks };
}

const toy = (sizes: Partial<ToySizes>) => toyModel({ layers: 1, experts, hidden, width, ...sizes });
const token = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: hidden, maxLength: hidden });

/** Experts 3 and 1 with the weights 0.3 and 0.25. */
const selection = { layers: [0], experts: { 0: [3, 1] }, weights: { '0-3': 0.3, '0-1': [5, 20, 0.25] } };
const chosen = [
  [3, 0.3],
  [1, 0.25],
] as const;

describe('a condensed layer', () => {
  test.each([
    ['no shared expert', toy({}), 2 * width, false],
    ['a gated shared expert', toy({ shared: 7 }), 2 * width, true],
    ['a plain shared expert', withoutGate(toy({ shared: 7 })), 7 + 2 * width, false],
  ])('with %s computes the shared expert and a constant sum', async (_, model, wide, beside) => {
    const { view } = await condense(model, { selection, experts: 2 });
    const ffn = view.blocks[0]!.ffn as DenseFfn;
    expect([ffn.kind, ffn.mlp.width, ffn.shared !== null]).toEqual(['dense', wide, beside]);
    fc.assert(
      fc.property(token, (x) => {
        const expected = published(model, chosen, x);
        for (const [i, value] of dense(ffn, x).entries()) expect(value).toBeCloseTo(expected[i]!, 10);
      }),
    );
  });

  test('is the shared expert alone where no routed one is kept', async () => {
    const model = withoutGate(toy({ shared: 7 }));
    const { view } = await condense(model, { layers: [0], experts: 0 });
    expect(view.blocks[0]!.ffn).toEqual({
      kind: 'dense',
      mlp: moeBlocks(model)[0]!.ffn.shared!.mlp,
      shared: null,
    });
  });

  test('loses M (N - R) 3 H I + M N H parameters', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 1, max: experts }),
        async (count, kept) => {
          const model = toy({ layers: 4, dense: [0], shared: 7 });
          const { view } = await condense(model, {
            condenseLayers: count,
            experts: kept,
            selection: {
              layers: [2, 0, 1],
              experts: Object.fromEntries([0, 1, 2].map((l) => [l, [4, 2, 0, 1, 3]])),
              weights: {},
            },
          });
          const lost = measure(model).total.parameters - measure(view).total.parameters;
          expect(lost).toBe(count * ((experts - kept) * 3 * hidden * width + experts * hidden));
        },
      ),
    );
  });
});
