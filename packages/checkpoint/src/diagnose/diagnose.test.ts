import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { architectures } from '../architectures/index.js';
import { exprEntry } from '../safetensors/file-layout.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';
import { copyOfFixture, edit, failure, fixture, temporaryFolder } from '../support.test.util.js';
import { diagnoseCheckpoint } from './diagnose.js';
import { familyPatterns, patternOf } from './family-patterns.js';

/** Fixtures that are not called like their family. */
const fixtures: Readonly<Record<string, string>> = {
  qwen3_moe: 'qwen3_moe_sharded',
  gpt_oss: 'gpt_oss_mxfp4',
};

/** A fixture under the name of a family that nobody knows. */
async function renamed(name: string): Promise<string> {
  const folder = await copyOfFixture(name);
  await edit(folder, 'config.json', (config) => {
    config.model_type = 'newcomer';
  });
  return folder;
}

/** Families that are another one by a different name, or with less. */
const lookalikes: Readonly<Record<string, string>> = { kimi_k2: 'deepseek_v3', solar_open: 'glm4_moe' };

describe('familyPatterns', () => {
  it.each(architectures)(
    'covers every tensor of $modelType',
    async ({ modelType, nested, tensors: names }) => {
      const { tensors, nearest } = await diagnoseCheckpoint(fixture(fixtures[modelType] ?? modelType));
      const nearestType = lookalikes[modelType] ?? modelType;
      expect(nearest).toMatchObject({ modelType: nearestType, missing: [], obstacle: null });
      // What stands beside a text model in its wrapper is carried over unread.
      const prefix = nested === undefined ? '' : names.embed.replace(/embed_tokens.*/, '');
      expect(nearest.unknown.filter((pattern) => pattern.startsWith(prefix))).toEqual([]);
      expect(nearest.shared).toBe(tensors.length - nearest.unknown.length);
    },
  );

  it('needs nothing it does not know', () => {
    for (const manifest of architectures) {
      const { needed, known } = familyPatterns(manifest);
      expect([...needed].filter((pattern) => !known.has(pattern))).toEqual([]);
    }
  });
});

describe('diagnoseCheckpoint', () => {
  it('replaces the numbers of layers and experts, and no others', () => {
    expect(patternOf('model.layers.12.mlp.experts.3.w1.weight')).toBe(
      'model.layers.*.mlp.experts.*.w1.weight',
    );
    expect(patternOf('layers.0.0.bias')).toBe('layers.*.*.bias');
  });

  it('finds a known family under another name', async () => {
    for (const [modelType, name] of Object.entries({ ...fixtures, deepseek_v2: 'deepseek_v2' })) {
      const diagnosis = await diagnoseCheckpoint(await renamed(name));
      expect(diagnosis).toMatchObject({ modelType: 'newcomer', nearest: { modelType, obstacle: null } });
    }
  });

  it('names what is new and what is missing', async () => {
    const folder = await renamed('olmoe');
    await edit(folder, 'config.json', (config) => {
      config.num_routed_experts = config.num_experts;
      delete config.num_experts;
      config.initializer_range = 0.02;
      config.embedding_multiplier = 2.5;
      config.output_gate = true;
    });
    const { tensors } = await readSafetensors(fixture('olmoe/model.safetensors'));
    const entries = [...tensors.values()].map((tensor) =>
      exprEntry(tensor.name.replace('mlp.gate.weight', 'mlp.route.centres'), tensor),
    );
    await writeSafetensors(join(folder, 'model.safetensors'), entries);
    const { nearest, config, tensors: kinds } = await diagnoseCheckpoint(folder);
    expect(nearest).toMatchObject({
      modelType: 'olmoe',
      unknown: ['model.layers.*.mlp.route.centres'],
      missing: ['model.layers.*.mlp.gate.weight'],
      obstacle: expect.stringContaining('"num_experts" is missing'),
    });
    // No word of ours decides which keys matter.
    expect(config).toMatchObject({ num_routed_experts: 16, embedding_multiplier: 2.5, output_gate: true });
    expect(config).not.toHaveProperty('initializer_range');
    const experts = kinds.find(({ pattern }) => pattern === 'model.layers.*.mlp.experts.*.up_proj.weight');
    expect(experts).toEqual({
      pattern: 'model.layers.*.mlp.experts.*.up_proj.weight',
      count: 32,
      shape: [32, 64],
      dtype: 'BF16',
    });
  });

  it('needs weights', async () => {
    expect((await failure(diagnoseCheckpoint(await temporaryFolder()))).code).toBe('CHECKPOINT_NOT_FOUND');
  });
});
