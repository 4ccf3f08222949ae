import { type Compressor, definePlugin, type LayerPlan, moeBlocks, type Plugin } from '@moepress/core';
import { cast, expertHits, reduceMean } from '@moepress/graph';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { testBadArchitectures } from './bad-architectures.test.util.js';
import { testBadKinds } from './bad-kinds.test.util.js';
import { checksOf } from './conformance.js';
import { closeEngines } from './toys/engines.js';

afterAll(closeEngines);

const options = z.strictObject({ ratio: z.number().min(0).lt(1), seed: z.int().default(0) });

type Options = z.infer<typeof options>;

/** Keeps the first experts of each layer. */
const keep =
  (shareOf: (ratio: number) => number): Compressor<Options>['plan'] =>
  async ({ model, options: { ratio } }) => ({
    layers: moeBlocks(model).flatMap(({ index, ffn }): LayerPlan[] => {
      const kept = Math.ceil(ffn.pool.length * (1 - shareOf(ratio)));
      if (kept === ffn.pool.length) return [];
      return [{ layer: index, ops: [{ op: 'keep-experts', experts: [...Array(kept).keys()] }] }];
    }),
  });

const good: Compressor<Options> = {
  specVersion: 1,
  name: 'm',
  title: 'Keep the first',
  reference: 'none',
  options,
  needs: () => [],
  plan: keep((ratio) => ratio),
};

const methodOf = (change: Partial<Compressor<Options>>): Plugin =>
  definePlugin({ name: 'bad', compressors: [{ ...good, ...change } as Compressor<Options>] });

let calls = 0;

/** A half, a quarter, a half and so on, from plan to plan. */
function alternating() {
  const share = calls++ % 2 === 0 ? 0.5 : 0.25;
  return () => share;
}

const methods: readonly [string, Partial<Compressor<Options>>, string][] = [
  [
    'refuses bad options with a hint',
    { options: z.object({ ratio: z.number(), seed: z.number().default(0) }) },
    'must be refused: nothing was thrown',
  ],
  [
    'makes a valid plan for toys of all kinds',
    { plan: async () => ({ layers: [{ layer: 9, ops: [] }] }) },
    'On the toy "plain"',
  ],
  ['decides the same again', { plan: (context) => keep(alternating())(context) }, 'decides otherwise'],
  [
    'changes nothing that it is given',
    {
      plan: async (context) => {
        (context.options as { seed: number }).seed = 3;
        return { layers: [] };
      },
    },
    'writes to the model or the options',
  ],
  ['removes nothing at ratio 0', { plan: keep(() => 0.5) }, 'changes the number of parameters'],
  ['meets its budget', { plan: keep(() => 0) }, '0.0 % go where 50.0 % were asked for'],
  ['outlines what it removes', { outline: () => [] }, 'another number of parameters'],
  [
    'measures the same in other batches and with two workers',
    {
      needs: () => [
        {
          ...expertHits,
          name: 'mean',
          collect: (_, { ffnInput }) => ({ mean: reduceMean(cast(ffnInput, 'float64'), [0]) }),
        },
      ],
    },
    'depends on how the text is split',
  ],
];

/** All experts of each layer in one dense FFN, times a constant. */
const condensed =
  (scale: number): Compressor<Options>['plan'] =>
  async ({ model }) => ({
    layers: moeBlocks(model).map(({ index, ffn }): LayerPlan => {
      const experts = [...ffn.slots.keys()];
      const parts = [{ experts, shares: experts.map(() => 1 / experts.length), scale }];
      return { layer: index, ops: [{ op: 'condense', parts, shared: null, align: 1 }] };
    }),
  });

/** What a plan leaves is broken by a constant that fp32 does not hold, or that lets nothing through. */
const views: typeof methods = [
  ['leaves models that run', { plan: condensed(1e60) }, 'On the toy "plain": The activations overflow'],
  ['leaves models that differentiate', { plan: condensed(0) }, 'gives no gradients'],
  [
    'leaves models that run streamed as they run whole',
    { plan: condensed(1e60) },
    'On the toy "plain": The activations overflow',
  ],
  [
    'leaves models that are the same when they are written and opened',
    { plan: condensed(1e60) },
    'On the toy "plain": Tensor model.layers.0.mlp.down_proj.weight contains NaN or infinity.',
  ],
];

test.each([...methods, ...views])('a method fails: %s', async (name, change, message) => {
  const check = checksOf(methodOf(change), { models: ['plain'] }).find((one) => one.name === `m: ${name}`)!;
  await expect(check.run()).rejects.toThrow(message);
});

test('a good method passes all of it', async () => {
  for (const { run } of checksOf(methodOf({}), { models: ['plain'] })) await run();
});

test('changed evidence is seen', async () => {
  const plan: Compressor<Options>['plan'] = async (context) => {
    for (const layer of context.evidence!.layers) layer.read(expertHits, 'count').fill(0);
    return keep((ratio) => ratio)(context);
  };
  const checks = checksOf(methodOf({ needs: () => [expertHits], plan }), { models: ['plain'] });
  await expect(checks.find(({ name }) => name.includes('changes nothing'))!.run()).rejects.toThrow(
    'work on copies',
  );
});

test('nothing, and exceptions of what there is not, are refused', () => {
  expect(() => checksOf({ name: 'empty' })).toThrow('provides nothing');
  expect(() => checksOf(methodOf({}), { except: { 'm: flies': 'why' } })).toThrow(
    'There is no check "m: flies"',
  );
});

testBadKinds();
testBadArchitectures();
