import { describe, expect, it } from 'vitest';
import { deepseekV3 } from '../architectures/deepseek-v3.js';
import { glm4Moe } from '../architectures/glm4-moe.js';
import { minimaxM2 } from '../architectures/minimax-m2.js';
import { readLatentScale, readRope, readRotatedDim } from './rope.js';
import { readerOf, refusalOf } from './support.test.util.js';

const base = { rope_theta: 1e4, max_position_embeddings: 8192 };
const read = (changes: Record<string, unknown>) => {
  const reader = readerOf({ ...base, ...changes }, deepseekV3);
  return readRope(reader, readRotatedDim(reader, 64, 'whole'));
};
const refusal = (changes: Record<string, unknown>) => refusalOf(() => read(changes));

describe('readRope', () => {
  it('takes plain rotation for granted', () => {
    expect(read({})).toEqual({ theta: 1e4, scaling: null });
    expect(read({ rope_scaling: null, rope_parameters: { rope_theta: 5e5 } })).toMatchObject({ theta: 5e5 });
  });

  it('reads linear and dynamic scaling, the latter beyond the positions of the config', () => {
    const linear = { kind: 'linear', factor: 2 };
    expect(read({ rope_scaling: { type: 'linear', factor: 2 } }).scaling).toEqual(linear);
    const dynamic = { rope_type: 'dynamic', factor: 4, original_max_position_embeddings: 1 };
    expect(read({ rope_scaling: dynamic }).scaling).toEqual({
      kind: 'dynamic',
      factor: 4,
      originalPositions: 8192,
    });
  });

  it('reads llama3 scaling', () => {
    const llama3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    expect(read({ rope_scaling: { ...llama3, original_max_position_embeddings: 2048 } }).scaling).toEqual({
      kind: 'llama3',
      factor: 8,
      originalPositions: 2048,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
    });
    expect(refusal({ rope_scaling: { rope_type: 'llama3', factor: 8 } })).toBe(
      'CONFIG_INVALID config.json: rope_scaling: low_freq_factor',
    );
  });
});

describe('yarn', () => {
  const yarn = (changes: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    read({ ...more, rope_scaling: { type: 'yarn', factor: 40, ...changes } });

  it('has the defaults of transformers', () => {
    expect(yarn({ beta_fast: null })).toEqual({
      theta: 1e4,
      scaling: {
        kind: 'yarn',
        factor: 40,
        originalPositions: 8192,
        betaFast: 32,
        betaSlow: 1,
        truncate: true,
        attentionFactor: 0.1 * Math.log(40) + 1,
      },
    });
  });

  it('infers the attention factor from mscale as DeepSeek does', () => {
    const both = yarn({ mscale: 1, mscale_all_dim: 0.7 });
    expect(both.scaling).toMatchObject({
      attentionFactor: (0.1 * Math.log(40) + 1) / (0.07 * Math.log(40) + 1),
    });
    expect(yarn({ mscale: 0.5 }).scaling).toMatchObject({ attentionFactor: 0.1 * Math.log(40) + 1 });
    expect(yarn({ attention_factor: 2, mscale: 1, mscale_all_dim: 1 }).scaling).toMatchObject({
      attentionFactor: 2,
    });
    expect(yarn({ factor: 1 }).scaling).toMatchObject({ attentionFactor: 1 });
  });

  it('derives the factor from the positions where it has none', () => {
    const original = { original_max_position_embeddings: 1024 };
    expect(yarn({ factor: null, ...original }).scaling).toMatchObject({ factor: 8, originalPositions: 1024 });
    expect(yarn({ factor: 3, original_max_position_embeddings: 7 }, original).scaling).toMatchObject({
      factor: 3,
      originalPositions: 1024,
    });
  });
});

describe('latent attention', () => {
  const all = (type: string, more: object = {}) =>
    readLatentScale(
      readerOf({ ...base, rope_scaling: { type, factor: 4, mscale_all_dim: 0.7, ...more } }, deepseekV3),
    );
  const scaled = (0.07 * Math.log(4) + 1) ** 2;

  it('is scaled by mscale_all_dim whatever the rotation, but for a plain one', () => {
    for (const type of ['linear', 'dynamic', 'yarn', 'proportional']) {
      expect(all(type)).toBeCloseTo(scaled, 12);
    }
    expect(all('llama3', { low_freq_factor: 1, high_freq_factor: 4 })).toBeCloseTo(scaled, 12);
    expect(all('default')).toBe(1);
    expect(all('linear', { mscale_all_dim: null })).toBe(1);
    expect(refusalOf(() => all('yarn', { factor: null }))).toContain('rope_scaling: factor');
    expect(refusalOf(() => all('proportional', { factor: undefined }))).toContain('rope_scaling: factor');
  });
});

describe('the two forms', () => {
  const linear = { type: 'linear', factor: 2 };
  const modern = { rope_type: 'dynamic', factor: 4, rope_theta: 7 };
  const both = (changes: Record<string, unknown>) => read({ rope_parameters: modern, ...changes });

  it('are the classic one as a whole, with the theta at the top or the family’s', () => {
    expect(both({ rope_scaling: linear })).toMatchObject({ theta: 1e4, scaling: { kind: 'linear' } });
    expect(both({ rope_scaling: { ...linear, rope_theta: 9 } })).toMatchObject({ theta: 9 });
    expect(both({ rope_scaling: linear, rope_theta: undefined })).toMatchObject({ theta: 10_000 });
    expect(read({ rope_theta: undefined })).toMatchObject({ theta: 10_000 });
  });

  it.each([[{}], [null], [false], [0], ['']])('are the modern one where the classic one is %j', (empty) => {
    expect(both({ rope_scaling: empty })).toMatchObject({ theta: 7, scaling: { kind: 'dynamic' } });
  });
});

describe('a rotation', () => {
  it.each([[true], [false], [null], [0]])('is rounded as Python takes a truncate of %j', (truncate) => {
    const { scaling } = read({ rope_scaling: { type: 'yarn', factor: 2, truncate, beta_fast: 0 } });
    expect(scaling).toMatchObject({ truncate: Boolean(truncate), betaFast: 32 });
  });

  it('may have factors for each pair', () => {
    const factors = { short_factor: Array(32).fill(1.5), long_factor: Array(32).fill(3) };
    const longrope = { rope_type: 'longrope', ...factors, original_max_position_embeddings: 1024 };
    expect(read({ rope_scaling: longrope }).scaling).toEqual({
      kind: 'longrope',
      shortFactors: factors.short_factor,
      longFactors: factors.long_factor,
      originalPositions: 1024,
      attentionFactor: Math.sqrt(1 + Math.log(8) / Math.log(1024)),
    });
    expect(read({ rope_scaling: { ...longrope, attention_factor: 2 } }).scaling).toMatchObject({
      attentionFactor: 2,
    });
    expect(read({ rope_scaling: { ...longrope, factor: 1 } }).scaling).toMatchObject({ attentionFactor: 1 });
  });

  it('may turn some of the pairs', () => {
    const half = { rope_type: 'proportional', factor: 2, partial_rotary_factor: 0.3 };
    expect(read({ rope_scaling: half }).scaling).toEqual({ kind: 'proportional', factor: 2, pairs: 9 });
  });

  it('may be one of the first dimensions only, in dimensions or as a factor that prevails', () => {
    const part = (changes: Record<string, unknown>, family = minimaxM2) =>
      readRotatedDim(readerOf({ ...base, ...changes }, family), 64, 'part');
    expect(part({})).toBe(64);
    expect(part({ rotary_dim: 24 })).toBe(24);
    expect(part({ rotary_dim: 24, partial_rotary_factor: 0.5 })).toBe(32);
    expect(part({ rope_parameters: { partial_rotary_factor: 0.25 }, partial_rotary_factor: 0.5 })).toBe(16);
    expect(part({}, glm4Moe)).toBe(32);
    expect(part({ partial_rotary_factor: null }, glm4Moe)).toBe(64);
    for (const factor of [0, 0.01, 3 / 64, 2]) {
      expect(refusalOf(() => part({ partial_rotary_factor: factor }))).toBe(
        'CONFIG_INVALID config.json: partial_rotary_factor',
      );
    }
    const undivided = readerOf({ ...base, partial_rotary_factor: 0.5 }, glm4Moe);
    expect(refusalOf(() => readRotatedDim(undivided, 64, 'undivided'))).toBe(
      'CONFIG_UNSUPPORTED config.json: partial_rotary_factor',
    );
  });

  it('is not looked for under the types of layers', () => {
    const nested = { full_attention: { rope_type: 'linear', factor: 2, rope_theta: 7 } };
    expect(refusal({ rope_parameters: nested })).toBe('CONFIG_UNSUPPORTED config.json: rope_parameters');
  });

  it.each([
    [{ rope_scaling: { type: 'su', factor: 2 } }, 'rope_scaling'],
    [{ rope_parameters: { rope_type: 'toString', factor: 1 } }, 'rope_parameters'],
    [{ rope_parameters: { type: 'linear', factor: 1, partial_rotary_factor: 0.5 } }, 'rope_parameters'],
    [{ rope_scaling: { type: 'linear', factor: 1 }, partial_rotary_factor: 0.5 }, 'rope_scaling'],
  ])('is refused rather than misread: %j', (changes, key) => {
    expect(refusal(changes)).toBe(`CONFIG_UNSUPPORTED config.json: ${key}`);
  });

  it.each([
    [{ rope_scaling: { type: 'linear' } }, 'rope_scaling: factor'],
    [{ rope_scaling: { type: 'linear', factor: null } }, 'rope_scaling: factor'],
    [{ rope_scaling: { type: 'yarn' } }, 'rope_scaling: factor'],
    [{ rope_scaling: { type: 'yarn', factor: -1 } }, 'rope_scaling: factor'],
    [{ rope_scaling: { type: 'yarn', factor: 2, truncate: 'no' } }, 'rope_scaling: truncate'],
    [
      { rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] } },
      'rope_scaling: short_factor',
    ],
    [{ rope_scaling: 'yarn' }, 'rope_scaling'],
    [{ rope_scaling: { rope_type: null, type: 'linear', factor: 2 } }, 'rope_scaling: rope_type'],
    [{ rope_theta: 0 }, 'rope_theta'],
    [{ rope_theta: null }, 'rope_theta'],
  ])('names the key that is wrong: %j', (changes, key) => {
    expect(refusal(changes)).toBe(`CONFIG_INVALID config.json: ${key}`);
  });
});
