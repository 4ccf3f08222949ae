import { describe, expect, it } from 'vitest';
import { deepseekV32 } from '../architectures/deepseek-v32.js';
import { glmMoeDsa } from '../architectures/glm-moe-dsa.js';
import { readAttention } from './attention-config.js';
import { readerOf, refusalOf } from './support.test.util.js';

const config = {
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  qk_rope_head_dim: 8,
  max_position_embeddings: 4096,
};
const read = (changes: object, family = glmMoeDsa) =>
  readAttention(readerOf({ ...config, ...changes }, family), family);
const own = (changes: object) => {
  const attention = read(changes);
  return attention.kind === 'mla' && attention.indexer?.own.map(Number).join('');
};

describe('indexers', () => {
  it('have sizes of their own, and rotate as their family does', () => {
    expect(read({ index_topk: 16 }, deepseekV32)).toMatchObject({
      indexer: {
        heads: 64,
        dim: 128,
        topK: 16,
        pairing: 'halves',
        own: [true, true, true, true, true, true],
      },
      rope: { pairing: 'neighbours' },
    });
    expect(read({ index_n_heads: 2 })).toMatchObject({ indexer: { heads: 2, pairing: 'neighbours' } });
  });

  // As GlmMoeDsaConfig of transformers 5.18 makes `indexer_types` of them.
  it.each([
    ['111111', {}],
    ['110101', { index_topk_freq: 2 }],
    ['111001', { index_topk_freq: 3, index_skip_topk_offset: 3 }],
    ['111111', { index_topk_freq: 0 }],
    ['101100', { index_topk_freq: 4, index_topk_pattern: 'FSFFSS' }],
    ['100000', { index_topk_pattern: ['full', 'shared', 'shared', 'shared', 'shared', 'shared'] }],
    ['110000', { index_topk_pattern: 'FFFFFF', indexer_types: ['full', 'full', ...Array(4).fill('shared')] }],
  ])('are those of the layers %s for %o', (layers, changes) => {
    expect(own(changes)).toBe(layers);
  });

  it.each([
    [{ index_topk: 0 }, 'index_topk'],
    [{ index_head_dim: 4 }, 'index_head_dim'],
    [{ q_lora_rank: null }, 'q_lora_rank'],
    [{ indexer_types: ['full'] }, 'indexer_types'],
    [{ indexer_types: Array(6).fill('half') }, 'indexer_types'],
    [{ indexer_types: Array(6).fill('shared') }, 'indexer_types'],
    [{ index_topk_pattern: 'FSX' }, 'index_topk_pattern'],
    [{ layer_types: Array(6).fill('full_attention') }, 'layer_types'],
  ])('are refused with %o', (changes, key) => {
    expect(refusalOf(() => read(changes))).toBe(`CONFIG_INVALID config.json: ${key}`);
  });
});
