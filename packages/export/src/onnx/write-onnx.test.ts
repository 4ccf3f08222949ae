import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  arrayEntry,
  decodeFloat32,
  exprEntry,
  openModel,
  readSafetensors,
  writeSafetensors,
} from '@moepress/checkpoint';
import {
  applyPlan,
  type CompressionPlan,
  encodeNumbers,
  type LayerPlan,
  type Model,
  type StoredTensor,
} from '@moepress/core';
import type { CarriedType } from '@moepress/graph';
import { ModelRunner, portableGraph } from '@moepress/runtime';
import { expect, it } from 'vitest';
import {
  dropPlan,
  failure,
  fixture,
  openFixture,
  raggedPlan,
  remapPlan,
  temporaryFolder,
} from '../support.test.util.js';
import { OnnxLoop } from './onnx-loop.test.util.js';
import { quantiseBlocks } from './quantise-blocks.js';
import { type WriteOnnxOptions, writeOnnx } from './write-onnx.js';

const prompt = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3];
const other = [2, 3, 8, 4, 6];

async function ours(model: Model): Promise<{ logits: Float32Array; greedy: number[] }> {
  const runner = await ModelRunner.open(model, { residency: 'resident', workers: 1, threads: 1 });
  try {
    const [trace] = await runner.trace([prompt]);
    const [greedy] = await runner.generate([prompt], { maxNewTokens: 6, eosTokenIds: [] });
    return { logits: trace!.logits.data as Float32Array, greedy: greedy! };
  } finally {
    await runner.dispose();
  }
}

const names = { fp32: 'model.onnx', fp16: 'model_fp16.onnx', q4: 'model_q4.onnx' } as const;

async function exported(
  model: Model,
  type: CarriedType,
  options: WriteOnnxOptions = {},
): Promise<{ loop: OnnxLoop; directory: string; files: readonly string[] }> {
  const out = join(await temporaryFolder(), 'out');
  const written = await writeOnnx(model, { type, graph: portableGraph(model, type) }, out, options);
  return { ...written, loop: await OnnxLoop.open(join(out, 'onnx', names[type])) };
}

/** The largest difference, as a share of the largest logit. */
function distance(actual: Float32Array, expected: Float32Array): number {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i]!)), 0) / largest;
}

const ones = (ids: readonly number[]) => ids.map(() => 1);

/** Layers of which one lacks its mixer, one its FFN, and those with experts are changed by all that leaves them such. */
function changedPlan(base: Model): CompressionPlan {
  const layers = base.blocks.map(({ index, ffn }): LayerPlan => {
    if (ffn.kind !== 'moe') return { layer: index, ops: [{ op: 'drop-ffn' }] };
    const numbers = (count: number) =>
      encodeNumbers(Array.from({ length: count }, (_, i) => Math.sin(i) / 4));
    const hidden = ffn.pool[0]!.down.shape[0]!;
    return {
      layer: index,
      ops: [
        { op: 'merge-experts', groups: [{ experts: [1, 2], weights: [0.4, 0.6] }] },
        { op: 'replace-by-constant', experts: [{ expert: 0, values: numbers(hidden) }] },
        { op: 'shift-router', bias: numbers(ffn.slots.length) },
        { op: 'set-top-k', topK: 1 + (index % 2) },
        ...(index % 2 === 0 ? [{ op: 'drop-attention' } as const] : []),
      ],
    };
  });
  return { ...dropPlan(base), layers };
}

const views: readonly (readonly [string, ((base: Model) => CompressionPlan) | null])[] = [
  ['olmoe', remapPlan],
  ['glm4_moe_lite', raggedPlan],
  ['gemma4_text', null],
  ['deepseek_v32', null],
  ['lfm2_moe', changedPlan],
  ['nemotron_h', null],
];

it.each(views)('computes a view of %s in plain ONNX Runtime, from its own caches too', async (name, plan) => {
  const base = await openFixture(name);
  const view = plan ? applyPlan(base, plan(base)) : base;
  const { loop } = await exported(view, 'fp32');
  const { logits, greedy } = await ours(view);
  const alone = await loop.step([prompt], [ones(prompt)]);
  expect(distance(alone.logits, logits)).toBeLessThan(1e-5);
  expect(await loop.greedy(prompt, 6)).toEqual(greedy);
  // A shorter sequence beside it changes nothing, whether places that it lacks are in front or behind.
  const padding = Array(prompt.length - other.length).fill(0);
  const [short] = [await loop.step([other], [ones(other)])];
  for (const rows of [
    { ids: [...padding, ...other], mask: [...padding, ...ones(other)], from: padding.length },
    { ids: [...other, ...padding], mask: [...ones(other), ...padding], from: 0 },
  ]) {
    const both = await loop.step([prompt, rows.ids], [ones(prompt), rows.mask]);
    const vocabulary = logits.length / prompt.length;
    const start = (prompt.length + rows.from) * vocabulary;
    expect(distance(both.logits.subarray(0, logits.length), alone.logits)).toBeLessThan(1e-5);
    const own = both.logits.subarray(start, start + short!.logits.length);
    expect(distance(own, short!.logits)).toBeLessThan(1e-5);
  }
  await loop.close();
});

it('halves weights and caches', async () => {
  const model = await openFixture('mimo_v2_flash');
  const { loop } = await exported(model, 'fp16');
  const { logits, greedy } = await ours(model);
  const step = await loop.step([prompt], [ones(prompt)]);
  expect(distance(step.logits, logits)).toBeLessThan(5e-3);
  expect(step.caches['past_key_values.0.key']!.type).toBe('float16');
  expect(await loop.greedy(prompt, 6)).toEqual(greedy);
  await loop.close();
});

/** The checkpoint with the weights of products as blocks of 4 bits give them, the head as blocks of 8. */
async function dequantised(name: string): Promise<Model> {
  const folder = join(await temporaryFolder(), name);
  await cp(fixture(name), folder, { recursive: true });
  const [file] = readdirSync(folder).filter((entry) => entry.endsWith('.safetensors'));
  const { tensors } = await readSafetensors(join(fixture(name), file!));
  const entries = [...tensors].map(async ([tensor, stored]) => {
    const bits = tensor.startsWith('lm_head') ? 8 : 4;
    const isProduct = stored.shape.length === 2 && !/embed_tokens|mlp\.gate\.weight/.test(tensor);
    if (!isProduct) return exprEntry(tensor, stored);
    return arrayEntry(tensor, 'F32', stored.shape, await rounded(stored, bits));
  });
  await writeSafetensors(join(folder, file!), await Promise.all(entries));
  return openModel(folder);
}

async function rounded(stored: StoredTensor, bits: 4 | 8): Promise<Float32Array> {
  const [rows, width] = stored.shape as [number, number];
  const values = await decodeFloat32(stored);
  const { numbers, scales } = quantiseBlocks(values, width, { bits, block: 32 });
  const blocks = Math.ceil(width / 32);
  return Float32Array.from({ length: rows * width }, (_, i) => {
    const block = Math.floor(i / width) * blocks + Math.floor((i % width) / 32);
    const at = block * 32 + ((i % width) % 32);
    const number = bits === 8 ? numbers[at]! : (numbers[at >> 1]! >> (4 * (at % 2))) & 15;
    return (number - 2 ** (bits - 1)) * scales[block]!;
  });
}

it('computes with 4 bits what the dequantised weights compute', async () => {
  const { loop } = await exported(await openFixture('olmoe'), 'q4');
  const { logits, greedy } = await ours(await dequantised('olmoe'));
  const step = await loop.step([prompt], [ones(prompt)]);
  expect(distance(step.logits, logits)).toBeLessThan(1e-4);
  expect(await loop.greedy(prompt, 6)).toEqual(greedy);
  await loop.close();
});

it('writes what transformers.js and GenAI look for, in files that are small enough', async () => {
  const base = await openFixture('qwen2_moe');
  const plan = dropPlan(base);
  const options = { plan, base, fileBytes: 300_000 };
  const { loop, directory, files } = await exported(applyPlan(base, plan), 'fp32', options);
  const data = files.filter((name) => name.startsWith('onnx/model.onnx_data'));
  expect(data.length).toBeGreaterThan(2);
  expect(data).toContain('onnx/model.onnx_data_1');
  const json = async (name: string) => JSON.parse(await readFile(join(directory, name), 'utf8'));
  const config = await json('config.json');
  expect(config.model_type).toBe('qwen2_moe');
  expect(config['transformers.js_config']).toMatchObject({
    dtype: 'fp32',
    use_external_data_format: { 'model.onnx': data.length },
  });
  const { decoder } = (await json('genai_config.json')).model;
  expect(readdirSync(join(directory, 'onnx'))).toContain(decoder.filename.split('/')[1]);
  expect(loop.inputs).toContain(decoder.inputs.past_key_names.replace('%d', '0'));
  expect(await json('moepress_plan.json')).toEqual(JSON.parse(JSON.stringify(plan)));
  expect(await readFile(join(directory, 'README.md'), 'utf8')).toContain('library_name: transformers.js');
  await loop.close();
});

it('leaves nothing of an export with a number that fp16 cannot hold', async () => {
  const folder = join(await temporaryFolder(), 'model');
  await cp(fixture('olmoe'), folder, { recursive: true });
  const file = join(folder, 'model.safetensors');
  const { tensors } = await readSafetensors(file);
  const { offset } = tensors.get('model.layers.1.mlp.experts.0.up_proj.weight')!;
  const bytes = readFileSync(file);
  // 2^127 in BF16.
  bytes.writeUInt16LE(0x7f00, offset);
  writeFileSync(file, bytes);
  const place = await temporaryFolder();
  await mkdir(place, { recursive: true });
  const error = await failure(
    openModel(folder).then((model) =>
      writeOnnx(model, { type: 'fp16', graph: portableGraph(model, 'fp16') }, join(place, 'out')),
    ),
  );
  expect(error).toMatchObject({ code: 'TENSOR_DTYPE' });
  expect(error.message).toContain('fp16');
  expect(readdirSync(place)).toEqual([]);
});
