import { applyPlan, buildPlan, createRng, type Evidence, type Model, parseOptions } from '@moepress/core';
import { noTools, toyEvidence, toyModel } from '@moepress/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { denseWidth } from './dense-width.js';

/** Two dense layers of 12 channels around one with experts and a shared expert. */
const model = toyModel({ layers: 3, dense: [0, 2], width: 6, shared: 4 });

/** The energies of a layer's channels, by layer. */
function evidenceOf(energies: Readonly<Record<number, readonly number[]>>): Evidence {
  const numbers = Object.entries(energies).map(([layer, sum]) => [
    layer,
    { 'mlp-activation-energy': { sum } },
  ]);
  const { layers } = toyEvidence(Object.fromEntries(numbers));
  return { ...toyEvidence({}), mlps: layers };
}

const rising = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const measured = evidenceOf({ 0: rising, 1: [9, 9, 9, 9], 2: rising.toReversed() });

async function view(given: object, evidence = measured, base = model): Promise<Model> {
  const options = parseOptions(denseWidth, given);
  denseWidth.needs(base, options);
  const rng = createRng(0);
  const decision = await denseWidth.plan({ model: base, evidence, options, rng, tools: noTools });
  const origin = { package: 'x', version: '0' };
  const made = { model: base, compressor: denseWidth, origin, options, calibration: null, decision };
  return applyPlan(base, buildPlan(made));
}

const keptIn = ({ blocks }: Model) =>
  blocks.map(({ ffn }) => ffn.kind === 'dense' && ffn.mlp.gate?.kind === 'rows' && ffn.mlp.gate.indices);

describe('dense-width', () => {
  test('keeps the channels with the largest activations, by a ratio or a width', async () => {
    const expected = [[8, 9, 10, 11], false, [0, 1, 2, 3]];
    expect(keptIn(await view({ ratio: 2 / 3 }))).toEqual(expected);
    expect(keptIn(await view({ width: 4 }))).toEqual(expected);
  });

  test('leaves a model as it is at ratio 0, and layers with experts at any', async () => {
    expect(await view({ ratio: 0 })).toEqual(model);
    expect((await view({ ratio: 0.5 })).blocks[1]).toBe(model.blocks[1]);
  });

  test('lets a dead channel go first', () => {
    const energy = fc.double({ min: 0.01, max: 100, noNaN: true });
    const planted = fc.tuple(fc.array(energy, { minLength: 12, maxLength: 12 }), fc.nat(11));
    return fc.assert(
      fc.asyncProperty(planted, async ([energies, dead]) => {
        const evidence = evidenceOf({ 0: energies.with(dead, 0), 2: energies.with(dead, 0) });
        const [kept] = keptIn(await view({ width: 11 }, evidence));
        expect(kept).toEqual(rising.filter((channel) => channel !== dead));
      }),
    );
  });

  test('of equal channels keeps those with lower indices', async () => {
    const same = rising.map(() => 1);
    const [kept] = keptIn(await view({ ratio: 0.5 }, evidenceOf({ 0: same, 2: same })));
    expect(kept).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test.each([
    ['neither a ratio nor a width', {}, model, 'OPTIONS_INVALID'],
    ['both', { ratio: 0.5, width: 3 }, model, 'OPTIONS_INVALID'],
    ['a width that some FFN does not have', { width: 13 }, model, 'OPTIONS_INVALID'],
    ['a model without dense FFNs', { ratio: 0.5 }, toyModel(), 'INPUT_INVALID'],
  ])('refuses %s, before anything is measured', (_, given, base, code) => {
    const needs = () => denseWidth.needs(base, parseOptions(denseWidth, given));
    expect(needs).toThrow(expect.objectContaining({ code }));
  });
});
