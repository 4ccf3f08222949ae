import type { Rope, RopeScaling } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { queryFactors, rotaryFrequencies, rotaryTables } from './rotary-tables.js';

const rope = (scaling: RopeScaling | null, given: Partial<Rope> = {}): Rope => ({
  theta: 10_000,
  dim: 8,
  pairing: 'halves',
  scaling,
  ...given,
});
const frequencies = (of: Rope, length = 1) => [...rotaryFrequencies(of, length)];

/** `inv_freq` as transformers 5.18 prints it. */
const yarn = { kind: 'yarn', betaFast: 32, betaSlow: 1, originalPositions: 4096 } as const;

describe('rotaryFrequencies', () => {
  it('are powers of theta', () => {
    expect(frequencies(rope(null, { theta: 1e6, dim: 16 }))).toEqual([
      1.0, 0.17782793939113617, 0.03162277862429619, 0.005623413249850273, 0.0010000000474974513,
      0.00017782794020604342, 3.162277425872162e-5, 5.62341347176698e-6,
    ]);
  });

  it('are those of transformers under YaRN, with whole bounds and without', () => {
    const deepseek = rope({ ...yarn, factor: 40, truncate: true, attentionFactor: 1 });
    expect(frequencies(deepseek)).toEqual([
      1.0, 0.10000000149011612, 0.005124999675899744, 2.499999936844688e-5,
    ]);
    const gptOss = rope(
      { ...yarn, factor: 32, truncate: false, attentionFactor: 1.3465735902799727 },
      { theta: 150_000, dim: 16 },
    );
    expect(frequencies(gptOss)).toEqual([
      1.0, 0.22541800141334534, 0.05081327259540558, 0.006794959306716919, 0.0004564839182421565,
      1.818833698052913e-5, 4.099978468730114e-6, 9.242089618055616e-7,
    ]);
  });

  it('are divided by the factor of linear scaling', () => {
    const plain = frequencies(rope(null));
    expect(frequencies(rope({ kind: 'linear', factor: 4 }))).toEqual(plain.map((f) => f / 4));
  });

  it('stretch with the sequence under dynamic scaling, beyond the original length only', () => {
    const dynamic = rope({ kind: 'dynamic', factor: 2, originalPositions: 16 });
    expect(frequencies(dynamic, 16)).toEqual(frequencies(rope(null)));
    // theta * (2 * 48 / 16 - 1) ** (8 / 6)
    const theta = 10_000 * 5 ** (8 / 6);
    for (const [i, f] of frequencies(dynamic, 48).entries()) expect(f).toBeCloseTo(theta ** (-i / 4), 7);
  });

  it('keep short waves and stretch long ones under Llama 3 scaling', () => {
    const scaling = {
      kind: 'llama3',
      factor: 8,
      originalPositions: 8192,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
    } as const;
    const [plain, scaled] = [
      frequencies(rope(null, { theta: 500_000, dim: 128 })),
      frequencies(rope(scaling, { theta: 500_000, dim: 128 })),
    ];
    const shares = scaled.map((f, i) => f / plain[i]!);
    for (const [i, share] of shares.entries()) {
      const wavelength = (2 * Math.PI) / plain[i]!;
      if (wavelength < 2048) expect(share).toBe(1);
      else if (wavelength > 8192) expect(share).toBeCloseTo(1 / 8, 6);
      else {
        const smooth = (8192 / wavelength - 1) / 3;
        expect(share).toBeCloseTo((1 - smooth) / 8 + smooth, 5);
      }
    }
    expect(shares.filter((share) => share > 0.126 && share < 0.999).length).toBeGreaterThan(2);
  });
});

describe('the rotations of few families', () => {
  const longrope = rope({
    kind: 'longrope',
    shortFactors: [1, 1.25, 1.5, 2],
    longFactors: [1.5, 2, 4, 8],
    originalPositions: 16,
    attentionFactor: 1.224744871391589,
  });

  it('have a factor for each pair under LongRoPE, another one in long sequences', () => {
    expect(frequencies(longrope, 16)).toEqual([
      1, 0.07999999821186066, 0.006666666828095913, 0.0005000000237487257,
    ]);
    expect(frequencies(longrope, 17)).toEqual([
      0.6666666865348816, 0.05000000074505806, 0.0024999999441206455, 0.0001250000059371814,
    ]);
    const { cos } = rotaryTables(longrope, Int32Array.of(0), [1]);
    expect(cos[0]).toBeCloseTo(1.224744871391589, 7);
  });

  it('leave the last pairs as they are under proportional rotation', () => {
    const part = rope({ kind: 'proportional', factor: 4, pairs: 2 });
    expect(frequencies(part)).toEqual([0.25, 0.02500000037252903, 0, 0]);
  });
});

describe('rotaryTables', () => {
  it('multiply cosine and sine by the attention factor', () => {
    const scaled = rope({ ...yarn, factor: 32, truncate: true, attentionFactor: 1.5 });
    const { cos, sin } = rotaryTables(scaled, Int32Array.of(0, 7), [8, 8]);
    expect(cos[0]).toBe(1.5);
    expect(Math.hypot(cos[4]!, sin[4]!)).toBeCloseTo(1.5, 6);
  });

  it('turn each token by the length of its own sequence', () => {
    const dynamic = rope({ kind: 'dynamic', factor: 2, originalPositions: 4 });
    const { sin } = rotaryTables(dynamic, Int32Array.of(3, 3), [4, 9]);
    expect(sin[1]).not.toBe(sin[5]);
    const alone = rotaryTables(dynamic, Int32Array.of(3), [9]);
    expect([...alone.sin]).toEqual([...sin.slice(4)]);
  });
});

it('makes queries grow with their position', () => {
  const factors = (offset: 0 | 1) => [...queryFactors({ beta: 0.5, every: 4, offset }, [0, 3, 4, 11, 12])];
  const [one, two, three, four] = [1, 2, 3, 4].map((n) => expect.closeTo(1 + 0.5 * Math.log(n), 6));
  expect(factors(0)).toEqual([one, one, two, three, four]);
  expect(factors(1)).toEqual([one, two, two, four, four]);
});
