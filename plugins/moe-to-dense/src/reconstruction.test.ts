import type { LayerEvidence } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { relativeError } from './reconstruction.js';

/** Two experts of which the first makes (1, 0) and the second (0, 2) of the one token; y as a sum of both. */
function layer(first: number, second: number): LayerEvidence {
  const measured: Record<string, number[]> = {
    gram: [1, 0, 0, 4],
    products: [first, 4 * second],
    square: [first ** 2 + 4 * second ** 2],
  };
  return { read: (_: unknown, output: string) => Float64Array.from(measured[output]!) } as LayerEvidence;
}

describe('relativeError', () => {
  it('is that of the sum of experts for what the router makes of them', () => {
    const experts = [
      { expert: 0, scale: 0.5 },
      { expert: 1, scale: 0.25 },
    ];
    expect(relativeError(layer(0.5, 0.25), experts)).toBeCloseTo(0, 12);
    expect(relativeError(layer(0.5, 0), experts)).toBeCloseTo(0.5 / 0.5, 12);
  });

  it('is none of a sum that is zero', () => {
    expect(relativeError(layer(0, 0), [{ expert: 0, scale: 0 }])).toBeNull();
  });
});
