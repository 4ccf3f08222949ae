import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { measure, moeBlocks, storedIn } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';
import { copyOfFixture, edit, failure, fixture, temporaryFolder } from '../support.test.util.js';
import { openModel } from './open.js';

/** A copy of the OLMoE fixture with other weights. */
async function withWeights(change: (entries: TensorEntry[]) => TensorEntry[]): Promise<string> {
  const folder = await copyOfFixture('olmoe');
  const { tensors } = await readSafetensors(fixture('olmoe/model.safetensors'));
  const entries = [...tensors.values()].map((stored) => exprEntry(stored.name, stored));
  await writeSafetensors(join(folder, 'model.safetensors'), change(entries));
  return folder;
}

describe('openModel', () => {
  it('opens OLMoE', async () => {
    const model = await openModel(fixture('olmoe'));
    expect(model).toMatchObject({ architecture: 'olmoe', revision: null, id: fixture('olmoe') });
    expect(model.blocks[0]!.attention).toMatchObject({ qkNorm: { over: 'projection' }, clip: null });
    expect(model.head).not.toBe(model.embed);
    const [{ ffn }] = moeBlocks(model) as [ReturnType<typeof moeBlocks>[0]];
    expect(ffn.slots).toEqual([...Array(16).keys()]);
    expect(ffn.pool[5]).toMatchObject({ origin: { layer: 0, index: 5 }, width: 32 });
    expect(ffn.shared).toBeNull();
  });

  it('opens Qwen2-MoE with its shared expert and biases', async () => {
    const { blocks } = await openModel(fixture('qwen2_moe'));
    expect(blocks[0]!.attention).toMatchObject({ q: { bias: { shape: [64] } }, o: { bias: null } });
    expect(blocks[0]!.ffn).toMatchObject({ shared: { mlp: { width: 96 }, gate: { shape: [1, 64] } } });
  });

  it('opens Qwen3-MoE from shards, with a dense layer', async () => {
    const model = await openModel(fixture('qwen3_moe_sharded'));
    expect(model.blocks.map(({ ffn }) => ffn.kind)).toEqual(['moe', 'dense', 'moe']);
    expect(model.blocks[0]!.attention).toMatchObject({ qkNorm: { over: 'head', q: { shape: [24] } } });
  });

  it('is plain data', async () => {
    const model = await openModel(fixture('olmoe'));
    expect(structuredClone(model)).toEqual(model);
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
  });

  it('uses the embedding as head when tied', async () => {
    const folder = await withWeights((entries) => entries.filter(({ name }) => name !== 'lm_head.weight'));
    expect((await failure(openModel(folder))).message).toContain('lm_head.weight');
    await edit(folder, 'config.json', (config) => {
      config.tie_word_embeddings = true;
    });
    const model = await openModel(folder);
    expect(model.head).toBe(model.embed);
  });

  it('passes over tensors it has no use for', async () => {
    const extra = (entries: TensorEntry[]) => [
      ...entries,
      { ...entries[0]!, name: 'model.layers.0.self_attn.rotary_emb.inv_freq' },
    ];
    const model = await openModel(await withWeights(extra));
    expect([...storedIn(model.finalNorm)]).toHaveLength(1);
  });
});

describe('a checkpoint that does not fit', () => {
  const name = 'model.layers.1.mlp.experts.7.up_proj.weight';
  const changed = (changes: Partial<TensorEntry>) =>
    withWeights((entries) => entries.map((e) => (e.name === name ? { ...e, ...changes } : e)));

  it('lacks a tensor', async () => {
    const folder = await withWeights((entries) => entries.filter((e) => e.name !== name));
    expect(await failure(openModel(folder))).toMatchObject({
      code: 'TENSOR_MISSING',
      message: expect.stringContaining(name),
      where: folder,
    });
  });

  it('has a tensor of another shape', async () => {
    const error = await failure(openModel(await changed({ shape: [64, 32] })));
    expect(error).toMatchObject({ code: 'TENSOR_SHAPE', where: expect.stringContaining(name) });
    expect(error.message).toContain('[64,32]');
  });

  it('has a tensor of another type', async () => {
    const error = await failure(openModel(await changed({ dtype: 'I16' })));
    expect(error).toMatchObject({ code: 'TENSOR_DTYPE', where: expect.stringContaining(name) });
  });

  it.each([
    ['olmoe', 'intermediate_size'],
    ['mixtral', 'intermediate_size'],
    ['gpt_oss', 'intermediate_size'],
    ['qwen2_moe', 'moe_intermediate_size'],
    ['qwen2_moe', 'shared_expert_intermediate_size'],
    ['qwen3_moe_sharded', 'intermediate_size'],
    ['deepseek_v3', 'n_routed_experts'],
    ['deepseek_v3', 'kv_lora_rank'],
    ['olmoe', 'num_experts'],
    ['olmoe', 'vocab_size'],
    ['llama', 'num_attention_heads'],
  ])('%s claims sizes that would fill the memory, of %s', async (name, key) => {
    const folder = await copyOfFixture(name);
    for (const size of [2 ** 31, 2 ** 32, 1e15]) {
      await edit(folder, 'config.json', (config) => {
        expect(config).toHaveProperty(key);
        config[key] = size;
      });
      expect((await failure(openModel(folder))).code).toMatch(
        /^(TENSOR_SHAPE|TENSOR_MISSING|CONFIG_INVALID)$/,
      );
    }
  });

  it('is of an unknown architecture', async () => {
    const folder = await copyOfFixture('olmoe');
    await edit(folder, 'config.json', (config) => {
      config.model_type = 'olmo';
    });
    const error = await failure(openModel(folder));
    expect(error.code).toBe('ARCHITECTURE_UNKNOWN');
    expect(error.message).toMatch(
      /Did you mean "olmo2"\? Known are (.*, )?deepseek, .*, olmoe, .*, qwen3_moe\b/,
    );
  });

  it('does not say what it is', async () => {
    const folder = await copyOfFixture('olmoe');
    await edit(folder, 'config.json', (config) => {
      delete config.model_type;
    });
    expect(await failure(openModel(folder))).toMatchObject({
      code: 'CONFIG_INVALID',
      where: expect.stringContaining('config.json: model_type'),
    });
  });

  it('has no config.json, or one that is not JSON', async () => {
    const folder = await temporaryFolder();
    expect((await failure(openModel(folder))).code).toBe('CHECKPOINT_NOT_FOUND');
    await writeFile(join(folder, 'config.json'), '{"model_type": ');
    expect((await failure(openModel(folder))).code).toBe('CONFIG_INVALID');
  });

  it('has a folder where its weights should be', async () => {
    const folder = await copyOfFixture('olmoe');
    await rm(join(folder, 'model.safetensors'));
    await mkdir(join(folder, 'model.safetensors'));
    expect(await failure(openModel(folder))).toMatchObject({
      code: 'CHECKPOINT_INVALID',
      where: expect.stringContaining('model.safetensors'),
    });
  });

  it('is not there', async () => {
    expect((await failure(openModel('./no/such/folder'))).code).toBe('CHECKPOINT_NOT_FOUND');
  });
});

describe('the compact layout', () => {
  const slots = Array.from({ length: 16 }, (_, i) => [0, i % 3]);
  const compact = (layers: unknown[]) => ({ format: 'compact-v1', base_architecture: 'olmoe', layers });

  async function opened(moepress: unknown) {
    const folder = await copyOfFixture('olmoe');
    const own = { model_type: 'moepress_olmoe', architectures: ['MoepressOlmoeForCausalLM'], moepress };
    await edit(folder, 'config.json', (config) => Object.assign(config, own));
    return openModel(folder);
  }

  it('gives pools and slots back, with the origin of each expert', async () => {
    const model = await opened(
      compact([
        { layer: 0, experts: [4, 9, 11], slots },
        { layer: 1, experts: [2], slots: slots.map((ref, i) => (i === 8 ? [1, 0] : ref)) },
      ]),
    );
    const [first, second] = moeBlocks(model).map(({ ffn }) => ffn);
    expect(first!.pool.map(({ origin }) => origin.index)).toEqual([4, 9, 11]);
    expect(first!.slots.slice(0, 5)).toEqual([0, 1, 2, 0, 1]);
    expect(second!.pool.map(({ origin }) => origin)).toEqual([
      ...first!.pool.map(({ origin }) => origin),
      { layer: 1, index: 2 },
    ]);
    expect(second!.slots[8]).toBe(3);
    expect(second!.pool[1]!.gate).toMatchObject({ name: 'model.layers.0.mlp.experts.1.gate_proj.weight' });
    expect(measure(model).routedExperts.parameters).toBe(4 * 3 * 64 * 32);
  });

  const widths = (...given: number[]) =>
    compact([
      { layer: 0, experts: [4, 9, 11], slots, widths: given },
      { layer: 1, experts: [], slots },
    ]);

  it('gives experts widths of their own; one without channels needs no tensor', async () => {
    const [first] = moeBlocks(await opened(widths(32, 0, 32)));
    expect(first!.ffn.pool.map(({ width }) => width)).toEqual([32, 0, 32]);
    expect(first!.ffn.pool[1]).toMatchObject({
      gate: { kind: 'zeros', shape: [0, 64] },
      down: { kind: 'zeros', shape: [64, 0] },
    });
  });

  it('is refused with a width that its tensors do not have', async () => {
    expect(await failure(opened(widths(32, 31, 32)))).toMatchObject({
      code: 'TENSOR_SHAPE',
      where: expect.stringContaining('layers.0.mlp.experts.1.gate_proj.weight'),
    });
  });

  it.each([
    ['too few widths', widths(32, 32)],
    ['a width that is none', widths(32, 32, -1)],
    ['another format', { ...compact([]), format: 'compact-v9' }],
    ['a missing layer', compact([{ layer: 0, experts: [1, 2, 3], slots }])],
    ['too few slots', compact([{ layer: 0, experts: [1, 2, 3], slots: slots.slice(1) }])],
    ['an expert that is not stored', compact([{ layer: 0, experts: [1, 2], slots }])],
    ['no object', 7],
  ])('is refused with %s', async (_, moepress) => {
    expect(await failure(opened(moepress))).toMatchObject({
      code: 'CONFIG_INVALID',
      where: expect.stringContaining('moepress'),
    });
  });
});
