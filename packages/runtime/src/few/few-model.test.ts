import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import {
  attentionBlocks,
  type Block,
  cols,
  type GatedActivation,
  type Model,
  moeBlocks,
  rows,
  transpose,
} from '@moepress/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ModelRunner } from '../runner.js';
import { expectFew, openFew } from '../testing/few.test.util.js';
import { fixtures } from '../testing/golden.js';
import { boardBytes } from './board.js';
import { FewMember, type FewOrder } from './few-member.js';
import { fewBytes, fewCacheBytes, fewExpertBytes } from './few-plan.js';
import { fewWeights, whyNotFew } from './few-support.js';

const activations: readonly GatedActivation[] = [
  { kind: 'swiglu' },
  { kind: 'geglu', approximate: 'none' },
  { kind: 'geglu', approximate: 'tanh' },
  { kind: 'reglu', power: 2 },
  { kind: 'clamped-swiglu', alpha: 1.702, limit: 7 },
];

/** What a decoder may do with the same weights. */
const variations = fc.record({
  activation: fc.constantFrom(...activations),
  /** Channels that each expert keeps of the first ones, the last of them in another order. */
  kept: fc.integer({ min: 1, max: 32 }),
  isTransposed: fc.boolean(),
  /** Expert of each slot, as a number that is taken modulo the size of the pool. */
  slots: fc.array(fc.nat(15), { minLength: 16, maxLength: 16 }),
  router: fc.record({
    scoring: fc.constantFrom('softmax' as const, 'sigmoid' as const),
    topK: fc.integer({ min: 1, max: 4 }),
    normalise: fc.boolean(),
    groups: fc.constantFrom(null, { count: 4, selected: 2, by: 'top-2-sum' as const }),
    scale: fc.constantFrom(1, 2.5),
    weighs: fc.option(fc.constant('input' as const), { nil: undefined }),
    mixerThreshold: fc.option(fc.constant(0.02), { nil: undefined, freq: 6 }),
  }),
  attention: fc.record({
    window: fc.constantFrom(null, 3),
    isChunked: fc.boolean(),
    unrotated: fc.boolean(),
    clip: fc.constantFrom(null, 0.5),
    afterRotation: fc.boolean(),
    valueScale: fc.constantFrom(undefined, 0.7),
    valueNorm: fc.constantFrom(undefined, true as const),
    beta: fc.constantFrom(undefined, 0.4),
  }),
  parallel: fc.boolean(),
  isLayerNorm: fc.boolean(),
  normOffset: fc.constantFrom(0 as const, 1 as const),
  logitCap: fc.constantFrom(undefined, 3),
  residual: fc.constantFrom(undefined, 0.6),
});

type Variation = typeof variations extends fc.Arbitrary<infer T> ? T : never;

/** The same files as another decoder. */
function varied(model: Model, own: Variation): Model {
  const { logitCap, residual, normOffset, isLayerNorm } = own;
  const multipliers = residual === undefined ? undefined : { embedding: 1.5, residual, logits: 0.5 };
  return {
    ...model,
    config: {
      ...model.config,
      normOffset,
      ...(isLayerNorm && { layerNorm: true }),
      ...(logitCap !== undefined && { logitCap }),
      ...(multipliers && { multipliers }),
    },
    blocks: model.blocks.map((block) => variedBlock(block, own)),
  };
}

function variedBlock(block: Block, { attention: mixer, router, ...own }: Variation): Block {
  const { attention, ffn } = block;
  if (attention.kind !== 'gqa' || ffn.kind !== 'moe') throw new TypeError('It is made of other blocks.');
  const { window, isChunked, unrotated, clip, afterRotation, valueScale, valueNorm, beta } = mixer;
  const pool = ffn.pool.map((expert) => {
    const channels = Array.from({ length: Math.min(own.kept, expert.width) }, (_, i) => i).reverse();
    const turned = own.isTransposed ? transpose(transpose(expert.down)) : expert.down;
    return {
      ...expert,
      width: channels.length,
      gate: rows(expert.gate!, channels),
      up: rows(expert.up, channels),
      down: cols(turned, channels),
      activation: own.activation,
    };
  });
  const { weighs, mixerThreshold, ...scores } = router;
  const isMixed = mixerThreshold !== undefined;
  return {
    ...block,
    attention: {
      ...attention,
      ...{ window, clip, unrotated },
      ...(isChunked && window !== null && { chunked: true }),
      ...(valueScale !== undefined && { valueScale }),
      ...(valueNorm && { valueNorm }),
      ...(beta !== undefined && { queryScaling: { beta, every: 2, offset: 1 } }),
      qkNorm: attention.qkNorm && { ...attention.qkNorm, afterRotation },
    },
    ffn: {
      ...ffn,
      pool,
      slots: own.slots.map((slot) => slot % pool.length),
      router: {
        ...ffn.router,
        ...scores,
        ...(weighs && { weighs }),
        ...(isMixed && { mixerThreshold, topK: 2, groups: null }),
      },
    },
    norms: own.parallel ? { ...block.norms, ffn: null, parallel: true } : block.norms,
  };
}

it('gives the logits of the graph for any decoder', async () => {
  const { model: folder, sequences } = await fixtures[0]!.load();
  const model = await openModel(folder);
  const texts = sequences.slice(0, 2).map((ids, i) => ids.slice(0, 7 + i));
  const property = fc.asyncProperty(variations, async (variation) => {
    const other = varied(model, variation);
    const runner = await ModelRunner.open(other, { workers: 1, threads: 1, residency: 'streamed' });
    const traces = await runner.trace(texts).finally(() => runner.dispose());
    await expectFew(
      other,
      texts.map((ids, i) => ({ ids, logits: traces[i]!.logits.data as Float32Array })),
      // Weights that were trained for another decoder make more of what is rounded.
      1e-4,
    );
  });
  await fc.assert(property, { numRuns: Number(process.env.MOEPRESS_FEW_RUNS ?? 3) });
});

it('reads experts again where not all have room', async () => {
  const { model: folder, sequences } = await fixtures[0]!.load();
  const model = await openModel(folder);
  const { common, largest, experts } = fewWeights(model, 1);
  const all = fewBytes(model, { most: Number.POSITIVE_INFINITY, workers: 1, resident: true });
  const topK = moeBlocks(model)[0]!.ffn.router.topK;
  const logitsWith = async (bytes: number) => {
    const few = await openFew(model, 1, bytes);
    few.begin(1, 12);
    const found: Float32Array[] = [];
    for (const [position, id] of sequences[0]!.slice(0, 12).entries()) {
      found.push((await few.next([{ sequence: 0, position, id }], true)).logits!);
    }
    await few.close();
    return found;
  };
  // A page is the least that a memory is made of.
  const tight = Math.ceil((common + (topK + 1) * largest) / 65536) * 65536;
  expect(tight).toBeLessThan(common + experts);
  // What is read only once prompts are through is no more than there is room for.
  expect(fewExpertBytes(model, all, 1)).toBe(experts);
  expect(fewExpertBytes(model, all - experts / 4, 1)).toBe((3 / 4) * experts);
  expect(await logitsWith(tight)).toEqual(await logitsWith(all));
});

it('gives a sequence the same bits alone and among others that come and go', async () => {
  const { model: folder, sequences } = await fixtures[0]!.load();
  const model = await openModel(folder);
  const all = Array.from({ length: 9 }, (_, i) => sequences[i % sequences.length]!.slice(i, i + 4 + (i % 3)));
  const few = await openFew(model, all.length);
  const alone = new Map<string, Float32Array>();
  for (const ids of all) {
    few.begin(1, 8);
    for (const [position, id] of ids.entries()) {
      const { logits } = await few.next([{ sequence: 0, position, id }], true);
      alone.set(ids.slice(0, position + 1).join(), logits!);
    }
  }
  const { vocabSize } = model.config;
  // Each begins when it may, and goes on in some steps only; sequences stand in any order.
  const steps = fc.array(fc.shuffledSubarray([...all.keys()], { minLength: 1 }), {
    minLength: 12,
    maxLength: 12,
  });
  const property = fc.asyncProperty(steps, async (chosen) => {
    few.begin(all.length, 8);
    const position = all.map(() => 0);
    for (const step of chosen) {
      const open = step.filter((i) => position[i]! < all[i]!.length);
      if (open.length === 0) continue;
      const newest = open.map((i) => ({ sequence: i, position: position[i]!, id: all[i]![position[i]!]! }));
      const { logits } = await few.next(newest, true);
      for (const [row, i] of open.entries()) {
        position[i]!++;
        const own = logits!.slice(row * vocabSize, (row + 1) * vocabSize);
        expect(own).toEqual(alone.get(all[i]!.slice(0, position[i]).join()));
      }
    }
  });
  await fc.assert(property, { numRuns: 4 });
  await few.close();
});

it('leaves recurrences and indexers to graphs, and says so', async () => {
  const folder = fileURLToPath(new URL('../../../checkpoint/fixtures', import.meta.url));
  const left: string[] = [];
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  )) {
    const model = await openModel(`${folder}/${name}`).catch(() => null);
    const why = model && whyNotFew(model);
    if (!why) continue;
    expect(why).toMatch(/^Layer \d+ has (an indexer|[a-z-]+ in the place of attention)\.$/);
    left.push(name);
  }
  expect(left.sort()).toEqual([
    ...['deepseek_v32', 'glm_moe_dsa', 'granitemoehybrid', 'kimi_linear', 'lfm2', 'lfm2_moe', 'nemotron_h'],
    ...['qwen3_5', 'qwen3_5_moe', 'qwen3_5_moe_text', 'qwen3_5_text', 'qwen3_next'],
  ]);
});

it('tells of all memory that nobody reads any more: what is handed over, caches, weights', async () => {
  const { model: folder } = await fixtures[0]!.load();
  const model = await openModel(folder);
  let dropped = 0;
  const since = async (order: FewOrder) => {
    const before = dropped;
    await member.follow(order);
    return dropped - before;
  };
  const member = new FewMember(
    () => Promise.reject(new Error('No session is open.')),
    (bytes) => {
      dropped += bytes;
    },
  );
  const bytes = fewBytes(model, { most: Number.POSITIVE_INFINITY, workers: 1, resident: true });
  const shared = new SharedArrayBuffer(boardBytes(model, 4));
  const setup = { model, shared, index: 0, count: 1, bytes, most: 4 };
  expect(await since({ kind: 'open', setup })).toBe(0);
  expect(await since({ kind: 'begin', sequences: 2, capacity: 64 })).toBe(0);
  const { kvHeads, headDim } = attentionBlocks(model)[0]!.attention;
  const rows = () => new Float32Array(3 * kvHeads * headDim);
  const part = { start: 0, key: rows(), value: rows() };
  // Two sequences share them.
  const parts = [0, 1].map((sequence) => ({ sequence, ...part }));
  expect(await since({ kind: 'take', block: 0, parts })).toBe(2 * 4 * 3 * kvHeads * headDim);
  const caches = fewCacheBytes(model, { sequences: 2, capacity: 64, workers: 1, most: 0 });
  expect(await since({ kind: 'begin', sequences: 2, capacity: 64 })).toBeGreaterThan(caches / 2);
  expect(await since({ kind: 'end' })).toBeGreaterThan(caches / 2);
  expect(await since({ kind: 'close' })).toBeGreaterThanOrEqual(bytes);
  // A memory that is too small is none, and nothing stays of it.
  expect(await member.follow({ kind: 'open', setup: { ...setup, bytes: 2 ** 16 } })).toMatchObject([
    { fits: { data: Float64Array.of(0) } },
  ]);
  expect(await since({ kind: 'close' })).toBe(0);
});
