import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileOutput, readGguf } from '@moepress/checkpoint';
import { applyPlan, type Model, type StoredTensor } from '@moepress/core';
import { afterAll, expect, it } from 'vitest';
import { llamaCppSupport } from '../engines/llama-cpp-engines.js';
import { failure, narrowPlan, openFixture, remapPlan } from '../support.test.util.js';
import { obstacles } from './architectures/find-architecture.js';
import { ggufArchitectures } from './architectures/gguf-architectures.js';
import { chooseType } from './file/choose-type.js';
import { planGguf, writeGguf } from './write-gguf.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const claim = (name: string) => FileOutput.claim(join(folder, name), { isOwn: async () => true });
const plannedOf = (model: Model) => planGguf(model, { type: 'f16' });

it('names an architecture once, and each family in one of them', () => {
  const names = ggufArchitectures.map(({ name }) => name);
  const families = ggufArchitectures.flatMap((each) => each.families);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(families).size).toBe(families.length);
});

it('says what an architecture computes otherwise, both ways', () => {
  const qwen = ggufArchitectures.find(({ name }) => name === 'qwen3moe')!;
  expect(
    obstacles(qwen, new Set(['experts', 'softmax', 'unnormalised', 'no-shared', 'no-selection-bias'])),
  ).toEqual([
    'has weights of experts that are not divided by their sum',
    'lacks norms of the queries and keys of each head',
  ]);
});

it('writes slots that share experts out, and pads widths that differ', async () => {
  const base = await openFixture('olmoe');
  const [shared, narrow] = [remapPlan(base), narrowPlan(base)].map((plan) =>
    plannedOf(applyPlan(base, plan)),
  );
  const whole = plannedOf(base);
  expect(shared!.weightBytes).toBe(whole.weightBytes);
  expect(narrow!.weightBytes).toBeLessThan(whole.weightBytes);
  expect(llamaCppSupport(shared!.view).map(({ loads }) => loads)).toEqual(['exactly', 'exactly', 'exactly']);
});

it('refuses what no architecture holds before anything is written', async () => {
  const model = await openFixture('phimoe');
  const output = await claim('phimoe.gguf');
  const error = await failure(writeGguf(model, output, { type: 'f16' }));
  expect(error.code).toBe('CONFIG_UNSUPPORTED');
  expect(error.message).toContain('No architecture is known');
  expect(readdirSync(folder)).not.toContain('phimoe.gguf');
});

it('tells sizes and settings, and where every tensor lies', async () => {
  const model = await openFixture('deepseek_v3');
  await writeGguf(model, await claim('deepseek.gguf'), { type: 'bf16' });
  const { metadata, tensors } = await readGguf(join(folder, 'deepseek.gguf'));
  const value = (key: string) => metadata.get(key)?.value;
  expect(value('general.architecture')).toBe('deepseek2');
  expect(value('deepseek2.attention.head_count_kv')).toBe(1);
  expect(value('deepseek2.expert_count')).toBe(model.config.experts);
  expect([...tensors.keys()]).toContain('blk.1.ffn_down_exps.weight');
  expect(tensors.get('blk.1.exp_probs_b.bias')).toMatchObject({ type: { name: 'f32' } });
  expect(tensors.get('blk.0.attn_k_b.weight')).toMatchObject({ type: { name: 'bf16' } });
});

it('chooses types as llama-quantize does, and such as fill rows', () => {
  const facts = { layers: 16, experts: 64, tied: false };
  const typeOf = (name: string, columns: number, own = facts) =>
    chooseType({ name, shape: [8, columns], from: [] }, 'q4_k_m', own);
  const layers = Array.from({ length: 16 }, (_, i) => typeOf(`blk.${i}.ffn_down_exps.weight`, 512));
  expect(layers.flatMap((type, i) => (type === 'q6_k' ? [i] : []))).toEqual([0, 1, 4, 7, 10, 13, 14, 15]);
  expect(typeOf('output.weight', 512)).toBe('q6_k');
  expect(typeOf('token_embd.weight', 512)).toBe('q4_k');
  expect(typeOf('token_embd.weight', 512, { ...facts, tied: true })).toBe('q6_k');
  expect(typeOf('blk.3.attn_v.weight', 512, { ...facts, experts: 8 })).toBe('q8_0');
  expect(typeOf('blk.3.ffn_gate_inp.weight', 512)).toBe('f32');
  expect(typeOf('blk.2.ffn_up_exps.weight', 96)).toBe('q5_0');
  expect(typeOf('blk.2.ffn_up_exps.weight', 40)).toBe('f16');
  const floats = (name: string) => chooseType({ name, shape: [8, 8, 64], from: [] }, 'mxfp4', facts);
  expect(floats('blk.2.ffn_up_exps.weight')).toBe('mxfp4');
  expect(floats('blk.2.attn_k_b.weight')).toBe('q8_0');
});

it('refuses numbers that halves cannot hold, and leaves nothing behind', async () => {
  const model = await openFixture('olmoe');
  const large: Model = { ...model, config: { ...model.config } };
  const stored = model.embed;
  const huge: Model = {
    ...large,
    embed: { kind: 'sum', of: [stored], factors: [1e9], dtype: stored.dtype, shape: stored.shape },
  };
  const error = await failure(writeGguf(huge, await claim('huge.gguf'), { type: 'f16' }));
  expect(error).toMatchObject({ code: 'WEIGHTS_NOT_FINITE', hint: expect.stringContaining('bf16') });
  expect(readdirSync(folder)).not.toContain('huge.gguf');
});

it('writes the same bytes in threads, and tells of what they met', async () => {
  const model = await openFixture('qwen2_moe');
  for (const threadedBytes of [0, undefined]) {
    await writeGguf(model, await claim(`threads-${threadedBytes}.gguf`), { type: 'q8_0', threadedBytes });
  }
  const [first, second] = ['0', 'undefined'].map((name) =>
    readFileSync(join(folder, `threads-${name}.gguf`)),
  );
  expect(first!.equals(second!)).toBe(true);
  const gone: Model = { ...model, embed: { ...(model.embed as StoredTensor), file: join(folder, 'gone') } };
  const error = await failure(writeGguf(gone, await claim('gone.gguf'), { type: 'q8_0', threadedBytes: 0 }));
  expect(error.code).toBe('CHECKPOINT_NOT_FOUND');
  expect(readdirSync(folder)).not.toContain('gone.gguf');
});

it('says what llama.cpp computes a little differently', async () => {
  const [first] = llamaCppSupport(plannedOf(await openFixture('gpt_oss')).view);
  expect(first).toMatchObject({ engine: 'llama.cpp', loads: 'nearly' });
  expect(first!.reason).toContain('YaRN');
  const [lite] = llamaCppSupport(plannedOf(await openFixture('deepseek_v2')).view);
  expect(lite).toMatchObject({ loads: 'not', reason: expect.stringContaining('26 or 27 layers') });
  const [other] = llamaCppSupport(plannedOf(await openFixture('deepseek_v3')).view);
  expect(other).toEqual({ engine: 'llama.cpp', loads: 'exactly', reason: null });
});
