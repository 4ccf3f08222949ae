import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import {
  applyPlan,
  type CompressionPlan,
  encodeChannels,
  type Model,
  measure,
  moeBlocks,
} from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  failure,
  families,
  fingerprint,
  openFixture,
  planFor,
  temporaryFolder,
} from '../support.test.util.js';
import type { ExpertLayout } from './layout.js';
import { writeHuggingFace } from './write.js';

type Family = (typeof families)[number];

/** Condenses to the experts `kept`; `shared` is for gates, `widen` makes every layer wider than the one before. */
function condensePlan(base: Model, { shared = null as number | null, widen = false } = {}): CompressionPlan {
  const gated = moeBlocks(base).some(({ ffn }) => ffn.shared?.gate);
  return planFor(base, (layer) => ({
    op: 'condense',
    parts: (widen ? [...Array(layer + 1).keys()] : [3, 0]).map((expert, i) => ({
      experts: [expert],
      shares: [1],
      scale: [0.25, 0.5][i % 2]!,
    })),
    shared: gated ? shared : null,
    align: 1,
  }));
}

/** The plan for some of its layers. */
const onlyIn = (plan: CompressionPlan, layers: readonly number[]) => ({
  ...plan,
  layers: plan.layers.filter((_, i) => layers.includes(i)),
});

async function written(view: Model, layout: ExpertLayout) {
  const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), layout), { layout });
  const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  return { again: await openModel(directory), config };
}

const widths = ({ blocks }: Model) => blocks.map(({ ffn }) => (ffn.kind === 'dense' ? ffn.mlp.width : 'moe'));

describe.each([...families, 'gpt_oss_mxfp4'])('condensed layers of %s', (name) => {
  it('come back from the compact layout, beside layers with experts', async () => {
    const base = await openFixture(name);
    const view = applyPlan(base, onlyIn(condensePlan(base), [1]));
    const { again } = await written(view, 'compact');
    expect(widths(again)).toEqual(widths(view));
    expect(measure(again).total.parameters).toEqual(measure(view).total.parameters);
    expect(await fingerprint(again)).toBe(await fingerprint(view));
  });

  it('come back when they differ in width, and when nothing of the routed experts is left', async () => {
    const base = await openFixture(name);
    for (const plan of [
      condensePlan(base, { widen: true }),
      planFor(base, () => ({ op: 'condense', parts: [], shared: null, align: 1 })),
    ]) {
      const view = applyPlan(base, plan);
      const { again } = await written(view, 'compact');
      const { again: twice } = await written(again, 'compact');
      for (const model of [again, twice]) {
        expect(widths(model)).toEqual(widths(view));
        expect(await fingerprint(model)).toBe(await fingerprint(view));
      }
    }
  });
});

describe('a model without experts left', () => {
  const inWords: Record<Family, { type: string; keys: Record<string, unknown>; absent?: string }> = {
    olmoe: { type: 'olmoe', keys: { num_experts: 1, num_experts_per_tok: 1 } },
    gpt_oss: { type: 'gpt_oss', keys: { num_local_experts: 1, num_experts_per_tok: 1 } },
    mixtral: { type: 'mistral', keys: { model_type: 'mistral' }, absent: 'num_local_experts' },
    qwen2_moe: { type: 'qwen2', keys: { architectures: ['Qwen2ForCausalLM'] }, absent: 'num_experts' },
    qwen3_moe_sharded: {
      type: 'qwen3',
      keys: { architectures: ['Qwen3ForCausalLM'] },
      absent: 'mlp_only_layers',
    },
    deepseek: { type: 'deepseek', keys: { first_k_dense_replace: 3 } },
    deepseek_v2: { type: 'deepseek_v2', keys: { first_k_dense_replace: 3 } },
    deepseek_v3: { type: 'deepseek_v3', keys: { first_k_dense_replace: 3 } },
  };

  it.each(families)('is a stock checkpoint for %s', async (name) => {
    const base = await openFixture(name);
    const view = applyPlan(base, condensePlan(base, { shared: 0.5 }));
    const { type, keys, absent } = inWords[name];
    const { again, config } = await written(view, 'materialised');
    expect(again.architecture).toBe(type);
    expect(config).toMatchObject(keys);
    expect(config).not.toHaveProperty('moepress');
    if (absent) expect(config).not.toHaveProperty(absent);
    const mlps = (model: Model) =>
      model.blocks.map(({ ffn }) =>
        ffn.kind === 'moe' ? ffn.pool[0]!.width : ffn.kind === 'dense' && ffn.mlp.width,
      );
    expect(new Set(mlps(again))).toEqual(new Set([Math.max(...mlps(view).map(Number))]));
  });

  it('is not made an MoE of one expert in a family that has a shared expert beside it', async () => {
    const base = await openFixture('qwen3_5_moe');
    const view = applyPlan(base, condensePlan(base, { shared: 0.5 }));
    const { again, config } = await written(view, 'compact');
    expect(config).toHaveProperty('moepress');
    expect(await fingerprint(again)).toBe(await fingerprint(view));
    const out = join(await temporaryFolder(), 'out');
    expect(await failure(writeHuggingFace(view, out, { layout: 'materialised' }))).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      message: 'The family cannot state dense layers 0, 1.',
    });
  });

  it('becomes one of its dense sibling where some layers have no attention', async () => {
    const base = await openFixture('qwen3_5_moe_text');
    const { config } = await written(applyPlan(base, condensePlan(base, { shared: 0.5 })), 'materialised');
    expect(config).toMatchObject({ model_type: 'qwen3_5_text', architectures: ['Qwen3_5ForCausalLM'] });
  });

  it('is told exactly by the compact layout if one width does not do for all', async () => {
    const base = await openFixture('deepseek_v2');
    const view = applyPlan(base, condensePlan(base, { widen: true }));
    expect(new Set(widths(view)).size).toBe(2);
    expect((await written(view, 'compact')).config).toHaveProperty('moepress');
    expect((await written(view, 'materialised')).config).not.toHaveProperty('moepress');
  });
});

describe('a model with some dense layers', () => {
  it('says so in the keys of its family', async () => {
    const qwen = await openFixture('qwen3_moe_sharded');
    const view = applyPlan(qwen, onlyIn(condensePlan(qwen), [0]));
    const { config, again } = await written(view, 'materialised');
    const layer = moeBlocks(qwen)[0]!.index;
    expect(config.mlp_only_layers).toContain(layer);
    expect(again.blocks[layer]!.ffn.kind).toBe('dense');

    const deepseek = await openFixture('deepseek_v2');
    const prefix = applyPlan(deepseek, onlyIn(condensePlan(deepseek), [0]));
    expect((await written(prefix, 'materialised')).config.first_k_dense_replace).toBe(2);
  });

  it.each([
    ['olmoe', [0], 'among layers with experts'],
    ['deepseek_v2', [1], 'among layers with experts'],
    ['qwen2_moe', [0], 'gated shared expert'],
  ] as const)('of %s has no words in layers %j', async (name, layers, problem) => {
    const base = await openFixture(name);
    const view = applyPlan(base, onlyIn(condensePlan(base), layers));
    const out = join(await temporaryFolder(), 'out');
    const error = await failure(writeHuggingFace(view, out, { layout: 'materialised' }));
    expect(error.code).toBe('CONFIG_UNSUPPORTED');
    expect(error.message).toContain(problem);
    expect(error.hint).toContain('compact');
  });
});

describe('a dense model that became narrower', () => {
  it.each(['llama', 'mistral', 'qwen2', 'qwen3'])('is a stock checkpoint of %s', async (name) => {
    const base = await openFixture(name);
    const [width] = widths(base) as number[];
    const kept = Array.from({ length: width! / 4 }, (_, i) => 4 * i + 1);
    const channels = [encodeChannels(kept, width!)];
    const layers = base.blocks.map(({ index }) => ({
      layer: index,
      ops: [{ op: 'keep-channels' as const, channels }],
    }));
    const view = applyPlan(base, { ...planFor(base, () => ({ op: 'keep-channels', channels })), layers });
    for (const layout of ['compact', 'materialised'] as const) {
      const { again, config } = await written(view, layout);
      expect(config).toEqual({ ...base.source.config, intermediate_size: width! / 4 });
      expect(new Set(widths(again))).toEqual(new Set([width! / 4]));
      expect(await fingerprint(again)).toBe(await fingerprint(view));
    }
  });
});
