import { readFile } from 'node:fs/promises';
import { architectures, findArchitecture } from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, encodeChannels, type Model } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { narrowPlan, openFixture, planFor, raggedPlan } from '../support.test.util.js';
import { hasModelingCode, modelingFile, writtenConfig } from './config.js';
import { arrange, type ExpertLayout } from './layout.js';

/** Fixtures by the family; that of Gemma's text model has no experts. */
const fixtures: Readonly<Record<string, string>> = { qwen3_moe: 'qwen3_moe_sharded', gemma4_text: 'gemma4' };

describe('config.json of a compact checkpoint', () => {
  it.each(architectures.filter((manifest) => manifest.router && hasModelingCode(manifest)))(
    'names classes that the modeling file makes of the stock ones: $modelType',
    async ({ modelType }) => {
      const source = await readFile(new URL(`../../python/${modelingFile}`, import.meta.url), 'utf8');
      const base = await openFixture(fixtures[modelType] ?? modelType);
      const manifest = findArchitecture(base.architecture, modelType);
      const { className } = manifest;
      const arrangement = arrange(applyPlan(base, raggedPlan(base)), manifest, 'compact');
      const config = writtenConfig(arrangement, { plan: undefined, quantised: true });
      // A name is taken apart by the pattern of the file, and made of a model type and a class of transformers.
      const pattern = new RegExp(`^modeling_moepress\\.${/fullmatch\(r"([^"]+)", name\)/.exec(source)![1]}$`);
      const classes = Object.values(config.auto_map as Record<string, string>);
      const stock = classes.map((name) => {
        const [, family, wrapper = 'ForCausalLM'] = pattern.exec(name) ?? [];
        return `${family}${wrapper}`;
      });
      expect(stock).toEqual([className, className]);
      expect(source).toContain('"model_type": f"moepress_{stock_config.model_type}"');
      expect(config.model_type).toBe(`moepress_${manifest.modelType}`);
    },
  );
});

async function written(name: string, planOf: (base: Model) => CompressionPlan, layout: ExpertLayout) {
  const base = await openFixture(name);
  const manifest = findArchitecture(base.architecture, name);
  const view = applyPlan(base, planOf(base));
  const arrangement = arrange(view, manifest, layout);
  const config = writtenConfig(arrangement, { plan: undefined, quantised: true });
  return { original: base.source.config, config };
}

describe('config.json of narrower experts', () => {
  it('counts the shared expert in experts of the new width', async () => {
    const { original, config } = await written('deepseek_v2', narrowPlan, 'compact');
    const width = original.moe_intermediate_size as number;
    expect(config).toEqual({ ...original, moe_intermediate_size: width / 2, n_shared_experts: 4 });
  });

  const keep23 = (base: Model) =>
    planFor(base, (_, experts) => ({
      op: 'keep-channels',
      channels: Array.from({ length: experts }, () => encodeChannels([...Array(23).keys()], 24)),
    }));

  it('pads a width of which the shared expert is no multiple', async () => {
    const { original, config } = await written('deepseek_v2', keep23, 'materialised');
    expect(config).toEqual(original);
  });

  it('says such a width beside that of the original', async () => {
    const { original, config } = await written('deepseek_v2', keep23, 'compact');
    const { moe_intermediate_size, n_shared_experts } = original;
    expect(config).toMatchObject({ moe_intermediate_size, n_shared_experts });
    expect(config).toHaveProperty('moepress.layers.0.widths', Array(16).fill(23));
  });
});

describe('config.json of a stock checkpoint', () => {
  it('says inside a wrapper too that weights are plain, and that no layers predict further tokens', async () => {
    const base = await openFixture('qwen3_5_moe');
    const before = base.source.config.text_config as Record<string, unknown>;
    const text_config = { ...before, quantization_config: { quant_method: 'fp8' }, mtp_num_hidden_layers: 1 };
    const model = { ...base, source: { ...base.source, config: { ...base.source.config, text_config } } };
    const arrangement = arrange(model, findArchitecture('qwen3_5_moe', 'config.json'), 'compact');
    const config = writtenConfig(arrangement, { plan: undefined, quantised: false });
    expect(config.text_config).toEqual({ ...before, mtp_num_hidden_layers: 0 });
  });

  it('promises no layers for further tokens, which are not written', async () => {
    const base = await openFixture('deepseek_v3');
    const config = { ...base.source.config, num_nextn_predict_layers: 1 };
    const model = { ...base, source: { ...base.source, config } };
    const manifest = findArchitecture('deepseek_v3', 'config.json');
    const arrangement = arrange(model, manifest, 'compact');
    expect(writtenConfig(arrangement, { plan: undefined, quantised: true })).toEqual({
      ...config,
      num_nextn_predict_layers: 0,
    });
  });
});

describe('config.json of routers that select fewer', () => {
  const select = (topK: (layer: number) => number) => (base: Model) =>
    planFor(base, (layer) => ({ op: 'set-top-k', topK: topK(layer) }));

  it('says so once where all do, in every layout', async () => {
    for (const layout of ['compact', 'materialised'] as const) {
      const { original, config } = await written(
        'olmoe',
        select(() => 2),
        layout,
      );
      expect(config).toEqual({ ...original, num_experts_per_tok: 2 });
    }
  });

  it('says so of single layers in the compact layout, and nowhere else', async () => {
    const plan = select((layer) => (layer === 0 ? 4 : 2));
    const { config } = await written('olmoe', plan, 'compact');
    const { layers } = config.moepress as { layers: { config?: object }[] };
    expect(layers.map((layer) => layer.config)).toEqual([undefined, { num_experts_per_tok: 2 }]);
    await expect(written('olmoe', plan, 'materialised')).rejects.toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      hint: expect.stringContaining('compact'),
    });
  });

  it('is refused where a family would weigh one expert otherwise', async () => {
    const base = await openFixture('deepseek');
    const blocks = base.blocks.map((block) =>
      block.ffn.kind === 'moe'
        ? { ...block, ffn: { ...block.ffn, router: { ...block.ffn.router, normalise: true } } }
        : block,
    );
    const source = { ...base.source, config: { ...base.source.config, norm_topk_prob: true } };
    const model = { ...base, blocks, source };
    const configOf = (topK: number) => {
      const view = applyPlan(model, select(() => topK)(model));
      const arrangement = arrange(view, findArchitecture('deepseek', 'deepseek'), 'compact');
      return writtenConfig(arrangement, { plan: undefined, quantised: true });
    };
    expect(configOf(2)).toMatchObject({ num_experts_per_tok: 2 });
    expect(() => configOf(1)).toThrow('selects 1 of');
  });
});
