import { createRng, layerEvidence, moeBlocks, outputMaxima, type Scorer } from '@moepress/core';
import { ean, easyEp, man, moneScore, msan, reapL2, seer } from '@moepress/plugin-baselines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeEngines } from '../toys/engines.js';
import {
  families,
  lengthOf,
  type Measured,
  measurePlainly,
  type PlainLayer,
  weightedSum,
} from './plain-moe.test.util.js';

afterAll(closeEngines);

/** A score as its paper defines it, over the tokens that chose an expert. */
type Definition = (layer: PlainLayer, expert: number) => number;

const routedTo = ({ tokens }: PlainLayer, e: number) => tokens.filter(({ weights }) => weights[e]! > 0);

const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);

/** n^-b Σ g^a ||f||^B. */
const family =
  (b: number, a: number, power: number): Definition =>
  (layer, e) => {
    const own = routedTo(layer, e);
    const terms = own.map(({ weights, outputs }) => weights[e]! ** a * lengthOf(outputs[e]!) ** power);
    return own.length === 0 ? 0 : sum(terms) / own.length ** b;
  };

const byTurning: Definition = (layer, e) =>
  sum(
    routedTo(layer, e).map(({ residual, weights, outputs }) => {
      const change = weightedSum(weights, outputs);
      const after = residual.map((value, i) => value + change[i]!);
      const cosine =
        after.reduce((total, value, i) => total + value * residual[i]!, 0) /
        (lengthOf(residual) * lengthOf(after));
      return Math.max(0, 1 - cosine) * weights[e]! * lengthOf(outputs[e]!);
    }),
  );

const byVariance: Definition = (layer, e) => {
  const own = routedTo(layer, e).map(({ outputs }) => outputs[e]!);
  if (own.length < 2) return 0;
  const mean = own[0]!.map((_, i) => sum(own.map((output) => output[i]!)) / own.length);
  const squares = own.map((output) => lengthOf(output.map((value, i) => value - mean[i]!)) ** 2);
  return own.length * Math.sqrt(sum(squares) / (own.length - 1));
};

const definitions: readonly (readonly [Scorer, Definition])[] = [
  [seer, family(0, 1, 0)],
  [ean, family(0, 0, 1)],
  [man, family(1, 0, 1)],
  [msan, family(1, 0, 2)],
  [reapL2, family(1, 2, 2)],
  [easyEp, byTurning],
  [moneScore, byVariance],
];

describe.each(families)('scores of %s, beside plain loops', (name) => {
  let measured: Measured;
  beforeAll(async () => {
    measured = await measurePlainly(name, () => [
      ...definitions.flatMap(([{ needs }]) => needs),
      outputMaxima,
    ]);
  });

  it('gives the largest outputs, by which super experts are known', () => {
    for (const layer of measured.layers) {
      const largest = layerEvidence(measured.evidence, layer.layer).read(outputMaxima, 'max');
      for (const [e, most] of largest.entries()) {
        const own = routedTo(layer, e).flatMap(({ outputs }) => [...outputs[e]!.map(Math.abs)]);
        expect(most).toBeCloseTo(Math.max(0, ...own), 5);
      }
    }
  });

  it.each(definitions.map(([scorer, define]) => [scorer.name, scorer, define] as const))(
    'gives %s',
    (_, scorer, define) => {
      for (const layer of measured.layers) {
        const { ffn } = moeBlocks(measured.model).find(({ index }) => index === layer.layer)!;
        const scores = scorer.score(layerEvidence(measured.evidence, layer.layer), {
          ffn,
          rng: createRng(0),
        });
        const expected = Array.from({ length: layer.experts }, (_, e) => define(layer, e));
        const most = Math.max(...expected);
        expect(most).toBeGreaterThan(0);
        for (const [e, score] of scores.entries())
          expect(Math.abs(score - expected[e]!)).toBeLessThan(2e-5 * most);
        const order = (values: ArrayLike<number>) =>
          Array.from({ length: layer.experts }, (_, e) => e).sort((a, b) => values[b]! - values[a]! || a - b);
        expect(order(scores)).toEqual(order(expected));
      }
    },
  );
});
