import { toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { describeScope, type ScopeDecision, warningsOf } from './diagnose.js';
import { scopesOf } from './scopes.js';

const scopes = scopesOf(toyModel({ layers: 4, experts: 4 }), 2);

/** A decision about the first scope, layers 0 and 1 with four experts each, that calls for no warning. */
function decision(change: Partial<ScopeDecision> = {}): ScopeDecision {
  return {
    scope: scopes[0]!,
    contributions: { values: new Float64Array(8).fill(1), tokens: new Float64Array(8).fill(10) },
    distances: new Float64Array(64).fill(1.4),
    replaceability: Float64Array.of(1.1, 1.2, 1.3, 1.4, 1.1, 1.2, 1.3, 1.4),
    prototypes: [0, 1, 2, 3],
    prototypeOf: [0, 1, 2, 3, 0, 1, 2, 3],
    ...change,
  };
}

describe('describeScope', () => {
  test('counts prototypes by layer and replacements across layers', () => {
    const prototypeOf = [0, 0, 2, 2, 4, 4, 0, 7];
    expect(describeScope(decision({ prototypes: [0, 2, 4, 7], prototypeOf }))).toEqual({
      layers: [0, 1],
      experts: 8,
      prototypes: 4,
      prototypesPerLayer: [2, 2],
      crossLayerShare: 0.25,
      replaceability: { min: 1.1, median: 1.25, max: 1.4 },
    });
  });

  test('takes the middle value as the median of an odd number', () => {
    const replaceability = Float64Array.of(3, 1, 2);
    expect(describeScope(decision({ replaceability })).replaceability).toEqual({ min: 1, median: 2, max: 3 });
  });
});

describe('warningsOf', () => {
  test('is silent where all is well', () => {
    expect(warningsOf([decision()])).toEqual([]);
  });

  test('names the scopes in which distances say nothing', () => {
    const flat = Float64Array.from({ length: 8 }, (_, e) => 1.4 + e / 1000);
    expect(warningsOf([decision(), decision({ scope: scopes[1]!, replaceability: flat })])).toEqual([
      expect.stringContaining('in 1 of 2 scopes: layers 2 to 3.'),
    ]);
    const wide = Float64Array.from({ length: 8 }, (_, e) => 1.4 + e / 100);
    expect(warningsOf([decision({ replaceability: wide })])).toEqual([]);
  });

  test('names experts that saw no token, and not all of many', () => {
    const silence = (...tokens: number[]) =>
      decision({ contributions: { values: new Float64Array(8), tokens: Float64Array.from(tokens) } });
    expect(warningsOf([silence(1, 0, 1, 1, 1, 1, 0, 1)])).toEqual([
      expect.stringMatching(/^2 experts received no calibration token .*\(layer\.expert 0\.1, 1\.2\)/),
    ]);
    const all = silence(0, 0, 0, 0, 0, 0, 0, 0);
    expect(warningsOf([all, { ...all, scope: scopes[1]! }])[0]).toMatch(/^16 experts .* 1\.3, \.\.\.\)/);
  });

  test('tells that scopes which share experts remove less', () => {
    expect(warningsOf([decision(), decision({ scope: scopes[1]! })])).toEqual([]);
    expect(warningsOf([decision(), decision()])).toEqual([expect.stringContaining('less is removed')]);
  });

  test('names near-duplicates only if both were replaced', () => {
    const distances = new Float64Array(64).fill(1.4);
    for (const [a, b] of [
      [0, 4],
      [5, 6],
    ] as const) {
      distances[a * 8 + b] = 0.001;
      distances[b * 8 + a] = 0.001;
    }
    expect(warningsOf([decision({ distances })])).toEqual([
      expect.stringContaining('1 pairs in layers 0 to 1, such as 1.1 and 1.2'),
    ]);
  });
});
