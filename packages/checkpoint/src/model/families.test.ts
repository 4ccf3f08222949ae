import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type LatentAttention, measure, moeBlocks, type StoredTensor, storedIn } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { findArchitecture } from '../architectures/index.js';
import { openWeights } from '../folder/weights.js';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { edit, fixture } from '../support.test.util.js';
import { decodeFloat32 } from '../tensor/read-tensor.js';
import { nameTensors } from './block.js';
import { nameExperts } from './experts.js';
import { openModel } from './open.js';
import { bytesIn, entriesOf, pools, storedTensors, valuesOf, withTensors } from './support.test.util.js';

const plain = ['deepseek', 'deepseek_v2', 'deepseek_v3', 'gpt_oss', 'mixtral', 'olmoe', 'qwen2_moe'];

const dense = ['llama', 'mistral', 'qwen2', 'qwen3'];

/** A quantised tensor, and experts whose weights lie in one tensor, are stored under the name of the whole. */
const wholeName = (name: string) => name.replace(/\[\d+\]$/, '').replace(/_(blocks|scales|scale_inv)$/, '');

/** Every checkpoint among the fixtures. */
const all = readdirSync(fixture('.')).filter((name) => existsSync(fixture(`${name}/config.json`)));

/** Their experts are stored one by one, and written in one tensor. */
const separate = ['qwen3_5_moe', 'qwen3_5_moe_text'];

describe.each(all.filter((name) => !separate.includes(name)))('%s', (name) => {
  it('names what it is built of as it is stored', async () => {
    const model = await openModel(fixture(name));
    const unread = new Set(model.source.unread.map((tensor) => tensor.name));
    const { tensors: names } = findArchitecture(model.architecture, name);
    const experts = moeBlocks(model).map(
      ({ index, ffn }) => [index, nameExperts(ffn.pool, names.experts, index)] as const,
    );
    const named = nameTensors(model, names, new Map(experts));
    const sources = named.map((tensor) => {
      const parts = tensor.kind === 'single' ? [tensor.of] : tensor.of;
      return [...new Set(parts.flatMap((part) => [...storedIn(part)]).map((part) => wholeName(part.name)))];
    });
    expect(sources).toEqual(named.map((tensor) => [tensor.name]));
    const { tensors: stored } = await openWeights(fixture(name));
    const read = [...stored.keys()].filter((tensor) => !unread.has(tensor));
    expect(new Set(sources.flat())).toEqual(new Set(read.map(wholeName)));
  });
});

describe.each(all)('%s', (name) => {
  it('is opened with every byte accounted for, as plain data', async () => {
    const model = await openModel(fixture(name));
    const { tensors: stored } = await openWeights(fixture(name));
    const bytesOf = (tensors: Iterable<StoredTensor>) =>
      [...tensors].reduce((sum, { length }) => sum + length, 0);
    expect(measure(model).total.bytes + bytesOf(model.source.unread)).toBe(bytesOf(stored.values()));
    // The rest of a model for several media is carried over.
    expect(model.source.unread.length > 0).toBe(
      findArchitecture(model.architecture, name).nested !== undefined,
    );
    expect(structuredClone(model)).toEqual(model);
  });
});

describe('dense families', () => {
  it.each(dense)('%s has no experts anywhere', async (name) => {
    const { blocks, config } = await openModel(fixture(name));
    expect(config).toMatchObject({ experts: 0, topK: 0 });
    expect(blocks.map(({ ffn }) => ffn)).toMatchObject([
      { kind: 'dense', mlp: { width: 48 }, shared: null },
      { kind: 'dense', mlp: { width: 48 }, shared: null },
    ]);
  });

  it('differ in their attention', async () => {
    const attention = async (name: string) => (await openModel(fixture(name))).blocks[0]!.attention;
    expect(await attention('qwen2')).toMatchObject({ q: { bias: { shape: [32] } }, o: { bias: null } });
    expect(await attention('qwen3')).toMatchObject({ qkNorm: { over: 'head' }, q: { bias: null } });
    expect(await attention('mistral')).toMatchObject({ window: 6, qkNorm: null });
    expect(await attention('llama')).toMatchObject({ window: null, rope: { scaling: { kind: 'llama3' } } });
  });
});

describe('DeepSeek', () => {
  it('has dense layers first and ungated shared experts', async () => {
    const { blocks } = await openModel(fixture('deepseek'));
    expect(blocks.map(({ ffn }) => ffn.kind)).toEqual(['dense', 'moe', 'moe']);
    expect(blocks[0]!.ffn).toMatchObject({ mlp: { width: 96 } });
    expect(blocks[1]!.ffn).toMatchObject({ shared: { mlp: { width: 48 }, gate: null } });
    expect(blocks[0]!.attention).toMatchObject({ kind: 'gqa', qkNorm: null, q: { bias: null } });
  });

  it('has latents of keys and values, in V3 also of queries', async () => {
    const attention = async (name: string) =>
      (await openModel(fixture(name))).blocks[0]!.attention as LatentAttention;
    const [v2, v3] = [await attention('deepseek_v2'), await attention('deepseek_v3')];
    expect(v2.q).toMatchObject({ down: null, up: { weight: { shape: [96, 64] } } });
    expect(v3.q).toMatchObject({
      down: { linear: { weight: { shape: [40, 64] } }, norm: { shape: [40] }, epsilon: 1e-6 },
      up: { weight: { shape: [96, 40] } },
    });
    for (const { kvDown, kvUp, o } of [v2, v3]) {
      expect(kvDown.linear.weight.shape).toEqual([32 + 8, 64]);
      expect(kvUp.weight.shape).toEqual([4 * (16 + 12), 32]);
      expect(o.weight.shape).toEqual([64, 4 * 12]);
    }
  });

  it('has biases for the selection in V3', async () => {
    const [block] = moeBlocks(await openModel(fixture('deepseek_v3')));
    expect(block!.ffn.router).toMatchObject({
      scoring: 'sigmoid',
      selectionBias: { shape: [16], dtype: 'F32' },
      groups: { count: 4, selected: 2, by: 'top-2-sum' },
      normalise: true,
      scale: 2.5,
    });
  });

  it('leaves the layers of multi-token prediction alone', async () => {
    const folder = await withTensors('deepseek_v3', (tensors) => [
      ...entriesOf(tensors.values()),
      exprEntry('model.layers.3.eh_proj.weight', tensors.get('lm_head.weight')!),
    ]);
    expect((await openModel(folder)).source.unread).toMatchObject([
      { name: 'model.layers.3.eh_proj.weight' },
    ]);
  });
});

describe('gpt-oss', () => {
  it('has windows, sinks, biases and a clamped gate', async () => {
    const model = await openModel(fixture('gpt_oss'));
    expect(model.blocks.map(({ attention }) => attention.kind === 'gqa' && attention.window)).toEqual([
      8,
      null,
    ]);
    expect(model.blocks[0]!.attention).toMatchObject({ sinks: { shape: [8] }, o: { bias: { shape: [64] } } });
    const [block] = moeBlocks(model);
    expect(block!.ffn.router).toMatchObject({ bias: { shape: [8] }, normalise: true });
    expect(block!.ffn.pool[3]).toMatchObject({
      width: 32,
      activation: { kind: 'clamped-swiglu', alpha: 1.702, limit: 7 },
      bias: { gate: { shape: [32] }, up: { shape: [32] }, down: { shape: [64] } },
    });
  });

  it('has gate and up in turns', async () => {
    const [pool] = pools(await openModel(fixture('gpt_oss')));
    const tensors = await storedTensors('gpt_oss');
    const named = (name: string) => decodeFloat32(tensors.get(`model.layers.0.mlp.experts.${name}`)!);
    const [gateUp, gateUpBias] = [await named('gate_up_proj'), await named('gate_up_proj_bias')];
    const down = await named('down_proj');
    const [gate, up, downOf5, gateBias, upBias] = await valuesOf(pool![5]!);
    // [experts, H = 64, 2I = 64], [experts, 2I], [experts, I = 32, H].
    for (const [channel, input] of [
      [0, 0],
      [7, 63],
      [31, 12],
    ] as const) {
      const at = (5 * 64 + input) * 64 + 2 * channel;
      expect(gate![channel * 64 + input]).toBe(gateUp[at]);
      expect(up![channel * 64 + input]).toBe(gateUp[at + 1]);
      expect(downOf5![input * 32 + channel]).toBe(down[(5 * 32 + channel) * 64 + input]);
      expect(gateBias![channel]).toBe(gateUpBias[5 * 64 + 2 * channel]);
      expect(upBias![channel]).toBe(gateUpBias[5 * 64 + 2 * channel + 1]);
    }
  });

  it('numbers the experts of the compact layout within the layer', async () => {
    const kept = [6, 1];
    const folder = await withTensors('gpt_oss', async (tensors) => {
      const entries = entriesOf(tensors.values());
      const change = async (entry: TensorEntry): Promise<TensorEntry> => {
        if (!/layers\.0\.mlp\.experts/.test(entry.name)) return entry;
        const { dtype, shape, length } = tensors.get(entry.name)!;
        const bytes = await bytesIn(tensors.get(entry.name)!);
        const size = length / 8;
        const slabs = kept.map((e) => bytes.subarray(e * size, (e + 1) * size));
        return arrayEntry(entry.name, dtype, [2, ...shape.slice(1)], Buffer.concat(slabs));
      };
      return Promise.all(entries.map(change));
    });
    const slots = (from: number) => [0, 1, 0, 1, 1, 1, 0, 0].map((e) => [from, e]);
    await edit(folder, 'config.json', (config) => {
      config.model_type = 'moepress_gpt_oss';
      config.moepress = {
        format: 'compact-v1',
        base_architecture: 'gpt_oss',
        layers: [
          { layer: 0, experts: kept, slots: slots(0) },
          { layer: 1, experts: [0, 1, 2, 3, 4, 5, 6, 7], slots: slots(1) },
        ],
      };
    });
    const [first] = pools(await openModel(folder));
    const [original] = pools(await openModel(fixture('gpt_oss')));
    expect(first!.map(({ origin }) => origin.index)).toEqual(kept);
    expect(await valuesOf(first![0]!)).toEqual(await valuesOf(original![6]!));
    expect(await valuesOf(first![1]!)).toEqual(await valuesOf(original![1]!));
  });
});

const shared = process.env.MOEPRESS_SHARED;

describe.runIf(shared)('the reference checkpoints', () => {
  const families = [...plain.filter((name) => name !== 'deepseek'), 'deepseek_v1', 'qwen3_moe'];
  it.each(families)('%s is opened in every form', async (name) => {
    const [single, ...others] = await Promise.all(
      ['fp32', 'bf16', 'bf16_sharded'].map((form) =>
        openModel(join(shared!, 'golden', 'models', name, form)),
      ),
    );
    for (const other of others) {
      expect(measure(other).total.parameters).toBe(measure(single!).total.parameters);
      expect(other.config).toMatchObject({ ...single!.config, dtype: 'BF16' });
      expect(other.source.unread).toEqual([]);
    }
  });
});
