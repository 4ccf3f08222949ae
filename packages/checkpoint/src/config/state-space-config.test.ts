import { describe, expect, it } from 'vitest';
import { graniteMoeHybrid } from '../architectures/granite-moe-hybrid.js';
import { lfm2 } from '../architectures/lfm2.js';
import { nemotronH } from '../architectures/nemotron-h.js';
import { readFfn } from './ffn.js';
import { withLayerTypes } from './layer-pattern.js';
import { readRecurrence } from './recurrence-config.js';
import { readStateSpace } from './state-space-config.js';
import { readerOf, refusalOf } from './support.test.util.js';

const sizes = { hidden_size: 16, mamba_n_heads: 4, mamba_n_groups: 2, mamba_expand: 2 };
const granite = (changes: object) =>
  readStateSpace(readerOf({ ...sizes, ...changes }, graniteMoeHybrid), {
    kind: 'state-space',
    norm: 'whole',
  });

describe('a state space layer', () => {
  it('has heads that fill the width, and steps between two bounds', () => {
    expect(granite({})).toMatchObject({ headDim: 8, least: 0, most: null, normGroups: 1 });
    expect(granite({ time_step_limit: [0.1, Number.POSITIVE_INFINITY] })).toMatchObject({
      least: 0.1,
      most: null,
    });
    expect(granite({ time_step_limit: [-1, { __float__: 'Infinity' }] })).toMatchObject({
      least: 0,
      most: null,
    });
    expect(granite({ time_step_limit: [0, 0.5] })).toMatchObject({ most: 0.5 });
  });

  it.each([
    [{ mamba_d_head: 6 }, 'CONFIG_INVALID config.json: mamba_d_head'],
    [{ mamba_n_heads: 5 }, 'CONFIG_INVALID config.json: mamba_n_groups'],
    [{ mamba_n_groups: 1, mamba_n_heads: 5 }, 'CONFIG_INVALID config.json: mamba_n_heads'],
    [{ time_step_limit: [1, 0.5] }, 'CONFIG_INVALID config.json: time_step_limit'],
    [{ hidden_act: 'mish' }, 'CONFIG_UNSUPPORTED config.json: hidden_act'],
  ])('refuses %j', (changes, refusal) => {
    expect(refusalOf(() => granite(changes))).toBe(refusal);
  });

  it('tells of a limit that Nemotron-H does not keep', () => {
    const reader = readerOf({ time_step_min: 0.01, time_step_limit: [0, 1] }, nemotronH);
    expect(readStateSpace(reader, { kind: 'state-space', norm: 'groups' })).toMatchObject({
      least: 0.01,
      most: null,
      normGroups: 8,
    });
    expect(reader.warnings.map(({ key }) => key)).toEqual(['time_step_limit']);
  });
});

describe('layers', () => {
  it('of Nemotron-H are told by a pattern, which a list prevails over', () => {
    const types = (config: object) => withLayerTypes({ ...config }, nemotronH.keys, 'config.json');
    expect(types({ hybrid_override_pattern: 'M-*E' })).toMatchObject({
      layer_types: ['linear_attention', 'mlp', 'full_attention', 'moe'],
      num_hidden_layers: 4,
    });
    const both = { hybrid_override_pattern: 'M', layers_block_type: ['mamba', 'moe'] };
    expect(types(both)).toMatchObject({ num_hidden_layers: 2 });
    expect(refusalOf(() => types({ hybrid_override_pattern: 'MX' }))).toBe(
      'CONFIG_INVALID config.json: hybrid_override_pattern',
    );
  });

  it('of LFM2 have attention where a list says so, or everywhere', () => {
    const layers = (config: object) =>
      readRecurrence(readerOf({ num_hidden_layers: 3, ...config }, lfm2), { kind: 'short-convolution' })
        .layers;
    expect(layers({ full_attn_idxs: [1] })).toEqual([true, false, true]);
    expect(layers({})).toEqual([false, false, false]);
    expect(layers({ layer_types: ['conv', 'full_attention', 'conv'] })).toEqual([true, false, true]);
  });

  it.each([
    [{ intermediate_size: 30, block_multiple_of: 8 }, 24],
    [{ intermediate_size: 30, block_multiple_of: 8, block_ffn_dim_multiplier: 1.3 }, 32],
    [{ intermediate_size: 31, block_ffn_dim_multiplier: null }, 20],
    [{ intermediate_size: 7, block_ff_dim: 30, block_auto_adjust_ff_dim: false }, 30],
  ])('of LFM2 with %j are %i wide', (config, width) => {
    expect(readFfn(readerOf(config, lfm2), lfm2, 1).denseWidth).toBe(width);
  });
});
