import {
  applyPlan,
  type Block,
  byteLength,
  type Compressor,
  type DType,
  type FoundMethod,
  type GroupedQueryAttention,
  learned,
  MoepressError,
  mxfp4,
  type Statistic,
  type StoredTensor,
} from '@moepress/core';
import { toyModel, toyPlan } from '@moepress/core/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { renderReport } from '../../cli/text/inspect-text.js';
import { reportModel } from './model-report.js';

const hits: Statistic = { name: 'hits', version: 1, pass: 'forward', collect: () => ({}) };

const stored = (name: string, shape: number[], dtype: DType = 'F32'): StoredTensor => {
  const length = byteLength(dtype, shape);
  return { kind: 'stored', name, file: '/toy', offset: 0, length, dtype, shape };
};

const quantised = (rows: number, columns: number) =>
  mxfp4(stored('blocks', [rows, columns / 2], 'U8'), stored('scales', [rows, columns / 32], 'U8'));

/** A method that can remove up to `limit` of the experts. */
const method = (
  name: string,
  limit: number,
  needs: readonly Statistic[],
  outline?: Compressor['outline'],
): FoundMethod => ({
  origin: { package: `@moepress/plugin-${name}`, version: '1.0.0' },
  compressor: {
    specVersion: 1,
    name,
    title: name.toUpperCase(),
    reference: 'none',
    options: z.object({ ratio: z.number(), seed: z.int().default(0) }),
    needs(_, { ratio }) {
      if (ratio! > limit) throw new MoepressError('RATIO_TOO_HIGH', { message: 'Too few experts left.' });
      return needs;
    },
    plan: async () => ({ layers: [] }),
    ...(outline && { outline }),
  },
});

// An expert has 3 * 6 * 8 = 144 parameters; 2 MoE layers of 4.
const model = toyModel({ layers: 3, experts: 4, topK: 1, hidden: 8, width: 6, shared: 10, dense: [0] });
const inspection = reportModel(model, [method('careful', 0.3, [hits, hits]), method('bold', 1, [])]);

describe('reportModel', () => {
  test('describes layers, experts and sizes', () => {
    expect(inspection).toMatchObject({
      id: 'toy',
      architecture: 'qwen2_moe',
      layers: { total: 3, moe: 2, dense: 1 },
      experts: {
        slotsPerLayer: 4,
        topK: 1,
        slots: 8,
        experts: 8,
        width: 6,
        parametersEach: 144,
        sharedWidth: 10,
        router: { scoring: 'softmax', groups: null, normalise: false, scale: 1, selectionBias: false },
      },
      attention: { kind: 'gqa', heads: 1, kvHeads: 1, headDim: 8, window: null, sinks: false },
      quantised: [],
      unread: [],
      size: { routedExperts: { parameters: 1152, bytes: 4608 }, total: { parameters: 3080 } },
    });
  });

  test('counts the parameters a token meets', () => {
    expect(inspection.activeParameters).toBe(3080 - 1152 + 2 * 144);
  });

  test('tells what each method saves, of the routed experts and of the model, or why not', () => {
    const nominal = { possible: true, isNominal: true };
    const saved = { ...nominal, parameters: 288, bytes: 1152, ofModel: 288 / 3080, ofRouted: 0.25 };
    expect(inspection.methods).toEqual([
      {
        name: 'careful',
        title: 'CAREFUL',
        package: '@moepress/plugin-careful',
        savings: [
          { ratio: 0.25, ...saved, passes: ['forward'] },
          { ratio: 0.5, possible: false, reason: 'Too few experts left.' },
        ],
      },
      {
        name: 'bold',
        title: 'BOLD',
        package: '@moepress/plugin-bold',
        savings: [
          { ratio: 0.25, ...saved, passes: [] },
          {
            ...{ ...nominal, ratio: 0.5, passes: [] },
            ...{ parameters: 576, bytes: 2304, ofModel: 576 / 3080, ofRouted: 0.5 },
          },
        ],
      },
    ]);
  });

  test('describes a dense model', () => {
    const dense = reportModel(toyModel({ layers: 2, dense: [0, 1] }));
    expect(dense.experts).toBeNull();
    expect(dense.activeParameters).toBe(dense.size.total.parameters);
    expect(renderReport(dense)).toContain('2 layers (0 with experts, 2 dense)');
  });

  test('tells slots from the experts they share', () => {
    const slots: [number, number][] = [
      [1, 0],
      [1, 0],
      [1, 3],
      [1, 3],
    ];
    const layers = [1, 2].map((layer) => ({ layer, ops: [{ op: 'remap-slots' as const, slots }] }));
    const shared = reportModel(applyPlan(model, toyPlan(model, layers)));
    expect(shared.experts).toMatchObject({ slotsPerLayer: 4, slots: 8, experts: 2 });
    expect(shared.size.routedExperts.parameters).toBe(2 * 144);
    expect(renderReport(shared)).toContain('4 slots a layer; all 8 share 2 experts (width 6');
  });

  test('tells what a family does its own way', () => {
    const ffn = (block: Block): Block['ffn'] => {
      if (block.ffn.kind !== 'moe') return block.ffn;
      const { router } = block.ffn;
      const groups = { count: 2, selected: 1, by: 'top-2-sum' } as const;
      const selectionBias = learned('bias', stored('bias', [4]));
      return {
        ...block.ffn,
        router: { ...router, scoring: 'sigmoid', groups, scale: 2.5, selectionBias },
        pool: block.ffn.pool.map((expert) => ({ ...expert, gate: quantised(expert.width, 32) })),
      };
    };
    const blocks = model.blocks.map((block) => ({
      ...block,
      attention: { ...block.attention, window: 64, sinks: stored('sinks', [1]) } as GroupedQueryAttention,
      ffn: ffn(block),
    }));
    const unread = ['model.extra.0', 'model.extra.1'].map((name) => stored(name, [1]));
    const unusual = reportModel({ ...model, blocks, source: { ...model.source, unread } });
    expect(unusual.attention).toMatchObject({ sinks: true, window: { layers: 3, tokens: 64 } });
    // 8 experts of 6 x 32: half a byte each and a byte for 32 of them.
    expect(unusual.quantised).toEqual([{ format: 'mxfp4', parameters: 1536, bytes: 816, plainBytes: 3072 }]);
    const text = renderReport(unusual);
    expect(text).toContain('attention: 1 head of 8, window of 64 tokens (3 layers), sinks');
    expect(text).toContain(
      'router: sigmoid scores, the best 1 of 2 groups, a bias for the selection, weights times 2.5',
    );
    expect(text).toContain('1.54 k parameters in MXFP4: 816 B, plain 3.07 kB');
    expect(text).toContain('2 tensors belong to no part of the model');
    expect(text).toContain('model.extra.0, model.extra.1');
  });

  test('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(inspection))).toEqual(inspection);
  });
});

test('renderReport', () => {
  expect(renderReport(inspection)).toBe(
    `
toy: qwen2_moe
3 layers (2 with experts, 1 dense)
attention: 1 head of 8
4 experts a layer (width 6, 144 parameters each), 1 chosen a token, beside a shared expert of width 10
3.08 k parameters, 2.22 k of them active a token

part            parameters    share    bytes
--------------  ----------  -------  -------
routed experts      1.15 k   37.4 %  4.61 kB
shared experts         496   16.1 %  1.98 kB
dense FFNs             288    9.4 %  1.15 kB
attention              768   24.9 %  3.07 kB
embeddings             256    8.3 %  1.02 kB
routers                 64    2.1 %    256 B
norms                   56    1.8 %    224 B
total               3.08 k  100.0 %  12.3 kB

method   ratio  of routed  of model  parameters    bytes  note
-------  -----  ---------  --------  ----------  -------  --------------------------------------------
careful   25 %     25.0 %     9.4 %         288  1.15 kB  calibrates: forward pass; by the ratio alone
          50 %          -         -           -        -  Too few experts left.
bold      25 %     25.0 %     9.4 %         288  1.15 kB  needs no calibration; by the ratio alone
          50 %     50.0 %    18.7 %         576  2.30 kB  needs no calibration; by the ratio alone
`.trim(),
  );
});
