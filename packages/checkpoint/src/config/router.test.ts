import { describe, expect, it } from 'vitest';
import { deepseek } from '../architectures/deepseek.js';
import { deepseekV2 } from '../architectures/deepseek-v2.js';
import { deepseekV3 } from '../architectures/deepseek-v3.js';
import { gptOss } from '../architectures/gpt-oss.js';
import { readRouter } from './router.js';
import { readerOf, refusalOf } from './support.test.util.js';

const v2 = (config: Record<string, unknown>) =>
  readRouter(readerOf(config, deepseekV2), deepseekV2.router!, 16, 4);
const v3 = (config: Record<string, unknown>) =>
  readRouter(readerOf(config, deepseekV3), deepseekV3.router!, 16, 4);

describe('readRouter', () => {
  it('scales in DeepSeek-V2 and never normalises', () => {
    const scaled = { routed_scaling_factor: 16 };
    expect(v2(scaled)).toEqual({
      scoring: 'softmax',
      groups: null,
      topK: 4,
      normalise: false,
      selectionBias: false,
      scale: 16,
    });
    expect(v2({ ...scaled, norm_topk_prob: true })).toMatchObject({ normalise: false, scale: 16 });
  });

  it('normalises in DeepSeek-V3 and scales', () => {
    const groups = { n_group: 4, topk_group: 2 };
    expect(v3({ ...groups, topk_method: 'noaux_tc', scoring_func: 'sigmoid' })).toEqual({
      scoring: 'sigmoid',
      groups: { count: 4, selected: 2, by: 'top-2-sum' },
      topK: 4,
      normalise: true,
      selectionBias: true,
      scale: 2.5,
    });
    expect(v3({ ...groups, norm_topk_prob: false, routed_scaling_factor: 1 })).toMatchObject({
      normalise: false,
      scale: 1,
    });
  });

  it('has groups where some are left out', () => {
    const limited = { topk_method: 'group_limited_greedy' };
    expect(v2({ ...limited, n_group: 8, topk_group: 3 }).groups).toEqual({
      count: 8,
      selected: 3,
      by: 'max',
    });
    expect(v2({ topk_method: 'greedy', n_group: 8, topk_group: 3 }).groups).toBeNull();
    expect(v2({ ...limited, n_group: 1, topk_group: 1 }).groups).toBeNull();
    expect(v3({ n_group: 4, topk_group: 4 }).groups).toBeNull();
  });

  it('has no weight for what is chosen beyond the best groups in V2', () => {
    const few = { topk_method: 'group_limited_greedy', n_group: 8, topk_group: 1 };
    expect(v2(few)).toMatchObject({ topK: 2, groups: { count: 8, selected: 1, by: 'max' } });
  });

  it('does not normalise the only one chosen in DeepSeekMoE', () => {
    const of = (topK: number) =>
      readRouter(readerOf({ norm_topk_prob: true }, deepseek), deepseek.router!, 8, topK).normalise;
    expect([1, 2].map(of)).toEqual([false, true]);
  });

  it('takes null for false in V3, and its groups for granted', () => {
    expect(v3({ norm_topk_prob: null })).toMatchObject({
      normalise: false,
      groups: { count: 8, selected: 4 },
    });
    expect(v3({ n_group: 1, topk_group: 1, routed_scaling_factor: 0 })).toMatchObject({ scale: 0 });
  });

  it('always normalises in gpt-oss, and never scales in DeepSeekMoE', () => {
    const odd = { norm_topk_prob: false, routed_scaling_factor: 3 };
    expect(readRouter(readerOf(odd, gptOss), gptOss.router!, 8, 4)).toMatchObject({
      normalise: true,
      scale: 1,
    });
    expect(readRouter(readerOf(odd, deepseek), deepseek.router!, 8, 4)).toMatchObject({
      normalise: false,
      scale: 1,
    });
  });

  it.each([
    [v2, { scoring_func: 'sigmoid' }, 'CONFIG_UNSUPPORTED config.json: scoring_func'],
    [v2, { topk_method: 'noaux_tc' }, 'CONFIG_UNSUPPORTED config.json: topk_method'],
    [v2, { topk_method: 'toString' }, 'CONFIG_UNSUPPORTED config.json: topk_method'],
    [v3, { topk_method: 'greedy' }, 'CONFIG_UNSUPPORTED config.json: topk_method'],
    [v3, { n_group: null }, 'CONFIG_INVALID config.json: n_group'],
    [v2, { topk_method: 'group_limited_greedy' }, 'CONFIG_INVALID config.json: n_group'],
    [v3, { n_group: 3, topk_group: 1 }, 'CONFIG_INVALID config.json: n_group'],
    [v3, { n_group: 16, topk_group: 8 }, 'CONFIG_INVALID config.json: n_group'],
    [v3, { n_group: 4, topk_group: 5 }, 'CONFIG_INVALID config.json: topk_group'],
    [v3, { n_group: 8, topk_group: 1 }, 'CONFIG_INVALID config.json: topk_group'],
  ])('refuses %#', (read, config, refusal) => {
    expect(refusalOf(() => read(config))).toBe(refusal);
  });
});
