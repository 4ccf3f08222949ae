import { describe, expect, test } from 'vitest';
import { toyModel } from '../testing/toy-model.js';
import { measure, removedRatios } from './size.js';
import { moeBlocks } from './walk.js';

// H = 8, I = 6: an expert has 3 * 6 * 8 = 144 parameters.
const expert = 144;

describe('measure', () => {
  test('counts parameters and bytes by part', () => {
    const size = measure(toyModel({ layers: 3, experts: 4, hidden: 8, width: 6, shared: 10, dense: [0] }));
    const parameters = Object.fromEntries(Object.entries(size).map(([part, s]) => [part, s.parameters]));
    expect(parameters).toEqual({
      embeddings: 2 * 16 * 8,
      attention: 3 * 4 * 64,
      norms: 8 + 3 * 2 * 8,
      routers: 2 * 4 * 8,
      routedExperts: 2 * 4 * expert,
      sharedExperts: 2 * (3 * 10 * 8 + 8),
      denseFfns: 3 * 12 * 8,
      total: 256 + 768 + 56 + 64 + 1152 + 496 + 288,
    });
    for (const { parameters, bytes } of Object.values(size)) expect(bytes).toBe(4 * parameters);
  });

  test('counts a tied head once', () => {
    const model = toyModel();
    const tied = { ...model, head: model.embed, config: { ...model.config, tiedEmbeddings: true } };
    expect(measure(model).embeddings.parameters - measure(tied).embeddings.parameters).toBe(16 * 8);
  });

  test('counts an expert that two layers share once', () => {
    const model = toyModel({ layers: 2 });
    const [first, second] = moeBlocks(model);
    const shared = { ...second!, ffn: { ...second!.ffn, pool: first!.ffn.pool } };
    const after = { ...model, blocks: [first!, shared] };
    expect(measure(after).routedExperts.parameters).toBe(4 * expert);
    expect(removedRatios(model, after).routed).toBe(0.5);
  });

  test('nothing removed is 0, also where there is nothing to remove', () => {
    const moe = toyModel();
    const dense = toyModel({ layers: 2, dense: [0, 1] });
    expect(removedRatios(moe, moe)).toEqual({ routed: 0, whole: 0 });
    expect(removedRatios(dense, dense)).toEqual({ routed: 0, whole: 0 });
    expect(moeBlocks(dense)).toEqual([]);
  });
});
