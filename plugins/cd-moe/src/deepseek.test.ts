import {
  type Block,
  elementCount,
  type Model,
  measure,
  parseOptions,
  removedRatios,
  type StoredTensor,
} from '@moepress/core';
import { toyModel } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { cdMoe } from './compressor.js';
import { condense, partsOf } from './support.test.util.js';

const vocabulary = 102_400;
const hidden = 2048;
const firstWidth = 10_944;

/** deepseek-ai/deepseek-moe-16b-base as its config.json has it, without its weights. */
function deepseekMoe16b(): Model {
  const sizes = { layers: 28, experts: 64, topK: 6, hidden, width: 1408, shared: 2816, dense: [0] };
  const toy = toyModel(sizes);
  const inBf16 = (tensor: StoredTensor, shape: readonly number[] = tensor.shape): StoredTensor => ({
    ...tensor,
    dtype: 'BF16',
    length: 2 * elementCount(shape),
    shape,
  });
  const blocks = toy.blocks.map((block): Block => {
    const { ffn } = block;
    if (ffn.kind === 'none') return block;
    if (ffn.kind === 'moe')
      return { ...block, ffn: { ...ffn, shared: { mlp: ffn.shared!.mlp, gate: null } } };
    const { gate, up, down } = ffn.mlp as Record<'gate' | 'up' | 'down', StoredTensor>;
    const mlp = {
      ...ffn.mlp,
      width: firstWidth,
      gate: { ...gate, shape: [firstWidth, hidden] },
      up: { ...up, shape: [firstWidth, hidden] },
      down: { ...down, shape: [hidden, firstWidth] },
    };
    return { ...block, ffn: { ...ffn, mlp } };
  });
  const model = { ...toy, blocks };
  const everywhere = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(everywhere);
    if (typeof node !== 'object' || node === null) return node;
    if ('kind' in node && node.kind === 'stored') return inBf16(node as StoredTensor);
    return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, everywhere(inner)]));
  };
  return {
    ...model,
    architecture: 'deepseek',
    blocks: everywhere(model.blocks) as readonly Block[],
    embed: inBf16(model.embed as StoredTensor, [vocabulary, hidden]),
    head: inBf16(model.head as StoredTensor, [vocabulary, hidden]),
  };
}

/** Orders of MoE layers as they were released, for no routed expert and for six; and some layers' experts. */
const released = {
  shared: [19, 12, 7, 23, 10, 14, 1, 24, 17, 15, 9, 21, 18, 6, 26],
  sharedAndRouted: [19, 15, 22, 10, 12, 6, 14, 21, 26, 7, 17, 1, 24, 23, 9],
  experts: {
    0: [14, 42, 31, 0, 24, 41],
    15: [15, 59, 44, 11, 27, 42],
    19: [26, 25, 13, 61, 3, 4],
  },
} as const;

const model = deepseekMoe16b();
/** The published lists as far as they are known here; the search has to find the others. */
const experts = (_: number, chosen: readonly number[]) => chosen.at(-1)!;

describe('DeepSeekMoE-16B', () => {
  test('has 16.38 billion parameters', () => {
    expect(measure(model).total.parameters / 1e9).toBeCloseTo(16.38, 2);
  });

  test('loses 27.0 % by the first 8 layers of the order for shared experts alone', async () => {
    const { plan, view } = await condense(model, {
      condenseLayers: 8,
      experts: 0,
      selection: { layers: released.shared },
    });
    // Decoder layer 0 is dense, so MoE layer l is decoder layer l + 1.
    expect(plan.layers.map(({ layer }) => layer)).toEqual([2, 8, 11, 13, 15, 20, 24, 25]);
    expect(
      plan.layers.every(({ ops }) => ops.every((op) => op.op === 'condense' && op.parts.length === 0)),
    ).toBe(true);
    expect(removedRatios(model, view).whole).toBeCloseTo(0.2705, 4);
  });

  test('loses 27.6 % by the first 9 layers of the order for six routed experts', async () => {
    const { plan, view } = await condense(
      model,
      {
        condenseLayers: 9,
        selection: {
          layers: released.sharedAndRouted,
          experts: released.experts,
          weights: { '15-15': 0.07 },
        },
      },
      { experts },
    );
    expect(plan.layers.map(({ layer }) => layer)).toEqual([7, 11, 13, 15, 16, 20, 22, 23, 27]);
    expect(removedRatios(model, view).whole).toBeCloseTo(0.276, 3);
    const parts = partsOf(plan.layers);
    expect(parts[16]!.map(([expert]) => expert)).toEqual(released.experts[15]);
    expect(parts[20]!.map(([expert]) => expert)).toEqual(released.experts[19]);
    expect(parts[16]!.map(([, scale]) => scale)).toEqual([0.07, 0.06, 0.06, 0.06, 0.06, 0.06]);
    const ffn = view.blocks[20]!.ffn;
    expect([ffn.kind, ffn.kind === 'dense' && ffn.mlp.width, ffn.shared]).toEqual([
      'dense',
      2816 + 6 * 1408,
      null,
    ]);
  });

  test('needs as many layers for those shares of its memory', async () => {
    const layersFor = async (ratio: number, order: readonly number[], kept: number) => {
      const options = { ratio, ratioOf: 'model', experts: kept, selection: { layers: order, weights: {} } };
      return (await condense(model, options, { experts })).plan.layers.length;
    };
    expect(await layersFor(0.27, released.shared, 0)).toBe(8);
    expect(await layersFor(0.276, released.sharedAndRouted, 6)).toBe(9);
  });

  test('keeps six experts by default', () => {
    const options = parseOptions(cdMoe, { condenseLayers: 1 });
    expect(cdMoe.needs(model, options).map(({ name }) => name)).toEqual(['gate-weight-sums', 'expert-hits']);
  });
});
