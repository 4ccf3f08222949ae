import { describe, expect, it } from 'vitest';
import { deepseek } from '../architectures/deepseek.js';
import { gptOss } from '../architectures/gpt-oss.js';
import { qwen2Moe } from '../architectures/qwen2-moe.js';
import { qwen3Moe } from '../architectures/qwen3-moe.js';
import { readFfn } from './ffn.js';
import { readerOf, refusalOf } from './support.test.util.js';

const widths = { moe_intermediate_size: 24, intermediate_size: 96 };
const dense = (family: typeof deepseek, config: Record<string, unknown>) =>
  readFfn(readerOf({ ...widths, n_routed_experts: 8, ...config }, family), family, 6).moe.flatMap(
    (moe, layer) => (moe ? [] : [layer]),
  );

describe('readFfn', () => {
  it('makes layers dense by list and by step in Qwen', () => {
    expect(dense(qwen3Moe, {})).toEqual([]);
    expect(dense(qwen3Moe, { mlp_only_layers: [1, 4] })).toEqual([1, 4]);
    expect(dense(qwen3Moe, { decoder_sparse_step: 2 })).toEqual([0, 2, 4]);
    expect(dense(qwen3Moe, { decoder_sparse_step: 3, mlp_only_layers: [2] })).toEqual([0, 1, 2, 3, 4]);
    expect(dense(qwen3Moe, { num_experts: 0 })).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('makes the first layers dense in DeepSeek, and those between by frequency', () => {
    expect(dense(deepseek, {})).toEqual([]);
    expect(dense(deepseek, { first_k_dense_replace: 3 })).toEqual([0, 1, 2]);
    expect(dense(deepseek, { first_k_dense_replace: 1, moe_layer_freq: 2 })).toEqual([0, 1, 3, 5]);
  });

  it('counts shared experts in experts, of which there may be none', () => {
    const shared = (n_shared_experts: unknown) =>
      readFfn(readerOf({ ...widths, n_shared_experts }, deepseek), deepseek, 2).sharedWidth;
    expect([2, 0, null, undefined].map(shared)).toEqual([48, 0, 0, 0]);
  });

  it('clamps in gpt-oss, and has the functions of transformers elsewhere', () => {
    const activation = (family: typeof deepseek, config: object) =>
      readFfn(readerOf({ ...widths, ...config }, family), family, 2).activation;
    expect(activation(gptOss, { hidden_act: 'relu' })).toEqual({
      kind: 'clamped-swiglu',
      alpha: 1.702,
      limit: 7,
    });
    expect(activation(deepseek, {})).toEqual({ kind: 'swiglu' });
    expect(activation(deepseek, { hidden_act: 'gelu' })).toEqual({ kind: 'geglu', approximate: 'none' });
    expect(activation(deepseek, { hidden_act: 'gelu_new' })).toEqual({ kind: 'geglu', approximate: 'tanh' });
    expect(activation(deepseek, { hidden_act: 'quick_gelu' })).toEqual({
      kind: 'geglu',
      approximate: 'sigmoid',
    });
    expect(activation(deepseek, { hidden_act: 'relu2' })).toEqual({ kind: 'reglu', power: 2 });
    expect(refusalOf(() => activation(deepseek, { hidden_act: 'toString' }))).toContain('hidden_act');
    expect(refusalOf(() => activation(gptOss, { swiglu_limit: 'none' }))).toContain('swiglu_limit');
  });

  it('may have a shared expert of no channels', () => {
    const shared = readFfn(readerOf({ shared_expert_intermediate_size: 0 }, qwen2Moe), qwen2Moe, 2);
    expect(shared.sharedWidth).toBe(0);
  });
});
