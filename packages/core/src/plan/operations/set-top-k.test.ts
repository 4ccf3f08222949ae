import { expect, test } from 'vitest';
import type { Model, MoeFfn, Router } from '../../model/model.js';
import { toyModel } from '../../testing/toy-model.js';
import { applyLayers } from '../apply.js';
import type { LayerOp } from '../schema.js';

const model = toyModel({ layers: 2, experts: 4, topK: 2 });

const withRouter = (change: Partial<Router>): Model => ({
  ...model,
  blocks: model.blocks.map((block) => {
    const ffn = block.ffn as MoeFfn;
    return { ...block, ffn: { ...ffn, router: { ...ffn.router, ...change } } };
  }),
});
const setTopK = (topK: number): LayerOp => ({ op: 'set-top-k', topK });

test('changes what the router of the layer selects, and nothing else', () => {
  const view = applyLayers(model, [{ layer: 1, ops: [setTopK(1)] }]);
  expect(view).toEqual({
    ...model,
    blocks: [
      model.blocks[0],
      { ...model.blocks[1], ffn: { ...model.blocks[1]!.ffn, router: expect.anything() } },
    ],
  });
  expect((view.blocks[1]!.ffn as MoeFfn).router).toEqual({
    ...(model.blocks[1]!.ffn as MoeFfn).router,
    topK: 1,
  });
});

test('lets experts go down to what is selected', () => {
  const ops: LayerOp[] = [setTopK(1), { op: 'keep-experts', experts: [3] }];
  expect((applyLayers(model, [{ layer: 0, ops }]).blocks[0]!.ffn as MoeFfn).slots).toEqual([0]);
});

const shared: LayerOp = { op: 'remap-slots', slots: [0, 0, 1, 1].map((e): [number, number] => [0, e]) };

test.each<[string, Model, LayerOp[], readonly [string, string]]>([
  ['more than there are', model, [setTopK(5)], ['PLAN_INVALID', '4 experts to select from']],
  [
    'more than the best groups have',
    withRouter({ groups: { count: 2, selected: 1, by: 'max' } }),
    [setTopK(3)],
    ['PLAN_INVALID', '2 experts to select from'],
  ],
  [
    'one of two that are weighed against each other',
    withRouter({ mixerThreshold: 0.1 }),
    [setTopK(1)],
    ['CONFIG_UNSUPPORTED', 'SparseMixer'],
  ],
  [
    'several of slots that share experts whose inputs are weighed',
    withRouter({ weighs: 'input', topK: 1 }),
    [shared, setTopK(2)],
    ['CONFIG_UNSUPPORTED', 'weighs what goes into an expert'],
  ],
])('refuses %s', (_, base, ops, [code, message]) => {
  const run = () => applyLayers(base, [{ layer: 0, ops }]);
  expect(run).toThrow(expect.objectContaining({ code }));
  expect(run).toThrow(message);
});
