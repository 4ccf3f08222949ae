import { readFileSync } from 'node:fs';
import { applyPlan, createRng, moeBlocks, parseOptions, type StoredTensor } from '@moepress/core';
import { toyEvidence, toyModel, toyPlan, toyTools } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { type ConMoeOptions, conmoe } from './compressor.js';

/** Written by reference.py in this folder, an independent implementation. */
interface Reference {
  readonly sizes: { layers: number; experts: number; hidden: number; width: number };
  readonly weights: Record<string, number[]>;
  readonly counts: number[][];
  readonly sums: number[][];
  readonly cases: readonly {
    options: Omit<ConMoeOptions, 'seed'>;
    /** [layer, expert] of every slot, by layer. */
    slots: [number, number][][];
    /** Numbers by scope. */
    replaceability: { min: number; median: number; max: number }[];
  }[];
}

const file = new URL('__fixtures__/reference.json', import.meta.url);
const reference: Reference = JSON.parse(readFileSync(file, 'utf8'));
const model = toyModel({ ...reference.sizes, topK: 2 });
const tools = toyTools(({ name }: StoredTensor) => Float64Array.from(reference.weights[name]!));
const evidence = toyEvidence(
  Object.fromEntries(
    reference.counts.map((count, layer) => [
      layer,
      { 'expert-hits': { count }, 'gated-output-norms': { sum: reference.sums[layer]! } },
    ]),
  ),
);

describe('ConMoE decides like the reference', () => {
  test.each(reference.cases)('with $options', async ({ options: given, slots, replaceability }) => {
    const options = parseOptions(conmoe, given);
    const decision = await conmoe.plan({ model, evidence, options, rng: createRng(0), tools });
    const view = applyPlan(model, toyPlan(model, decision.layers));
    const computed = moeBlocks(view).map(({ ffn }) =>
      ffn.slots.map((entry) => [ffn.pool[entry]!.origin.layer, ffn.pool[entry]!.origin.index]),
    );
    expect(computed).toEqual(slots);
    const { scopes } = decision.details as { scopes: { replaceability: Record<string, number> }[] };
    for (const [scope, spread] of replaceability.entries()) {
      for (const [key, value] of Object.entries(spread)) {
        expect(scopes[scope]!.replaceability[key]).toBeCloseTo(value, 12);
      }
    }
  });
});
