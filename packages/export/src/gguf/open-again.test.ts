import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, FileOutput, openModel, readGguf } from '@moepress/checkpoint';
import {
  type AttentionBlock,
  applyPlan,
  type Block,
  elementCount,
  type Model,
  type RopeScaling,
  type TensorExpr,
  tensorsByPath,
} from '@moepress/core';
import { afterAll, expect, it } from 'vitest';
import { dropPlan, fixture, narrowPlan, planFor } from '../support.test.util.js';
import { text, texts, uint } from './file/metadata.js';
import { planSlice } from './slice/slice-plan.js';
import { writeSlice } from './slice/write-slice.js';
import { copiedTokenizer } from './tokenizer/copied-tokenizer.js';
import { writeGguf } from './write-gguf.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A description without its tensors, which are compared as numbers, and what belongs to files. */
function described({ config, blocks }: Model): unknown {
  const plain = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(plain);
    if ('kind' in value && 'shape' in value) return elementCount((value as { shape: number[] }).shape);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  };
  // Of neighbours and halves one is made of the other.
  const { dtype: _, tiedEmbeddings: __, ...sizes } = config;
  return plain({ sizes, blocks });
}

/** What files tell of special tokens, beside a tokenizer that they do not have here. */
const ids = ({ config: { bosTokenId, eosTokenIds } }: Model) =>
  new Map([
    ['tokenizer.ggml.model', text('none')] as const,
    ...(bosTokenId === null ? [] : [['tokenizer.ggml.bos_token_id', uint(bosTokenId)] as const]),
    ...eosTokenIds.slice(0, 1).map((id) => ['tokenizer.ggml.eos_token_id', uint(id)] as const),
  ]);

const families = [
  'olmoe',
  'qwen2_moe',
  'mixtral',
  'glm4_moe',
  'qwen2',
  'qwen3',
  'gpt_oss',
  'dots1',
  'minimax_m2',
  'deepseek_v2',
  'deepseek_v3',
];

const isOwn = async () => true;

/** The model in a GGUF file of its name. */
async function written(model: Model, name: string, type: 'f32' | 'q8_0'): Promise<string> {
  const file = join(folder, `${name}.gguf`);
  await writeGguf(model, await FileOutput.claim(file, { isOwn }), { type, tokenizer: ids(model) });
  return file;
}

/** The numbers of a tensor, in fp32 and as bytes, which are compared faster. */
const bytesOf = async (expr: TensorExpr) => Buffer.from((await decodeFloat32(expr)).buffer);

async function expectSame(actual: Model, expected: Model): Promise<void> {
  expect(described(actual)).toEqual(described(expected));
  const tensors = tensorsByPath(actual);
  for (const [path, expr] of tensorsByPath(expected)) {
    const same = (await bytesOf(tensors.get(path)!)).equals(await bytesOf(expr));
    expect(same, path).toBe(true);
  }
}

it.each(families)('%s: a model is the same when it is opened from its GGUF file', async (family) => {
  const model = await openModel(fixture(family));
  const opened = await openModel(await written(model, family, 'f32'));
  await expectSame(opened, model);
  expect(opened.source.unread).toEqual([]);
});

/** The same model with another scaling of the rotation. */
const rotated = (model: Model, scaling: RopeScaling): Model => ({
  ...model,
  config: { ...model.config, rope: { ...model.config.rope, scaling } },
  blocks: model.blocks.map((block) => {
    const { attention } = block as AttentionBlock;
    return { ...block, attention: { ...attention, rope: { ...attention.rope, scaling } } } as Block;
  }),
});

it('reads the factors of frequencies of Llama 3.1, and no others', async () => {
  const llama3 = { kind: 'llama3', lowFrequencyFactor: 1, highFrequencyFactor: 4 } as const;
  const model = await openModel(fixture('llama'));
  for (const [factor, originalPositions] of [
    [8, 8192],
    [32, 4096],
  ] as const) {
    const scaled = rotated(model, { ...llama3, factor, originalPositions });
    const opened = await openModel(await written(scaled, `llama-${factor}`, 'f32'));
    await expectSame(opened, scaled);
    expect(opened.source.unread).toEqual([]);
  }
  const other = rotated(model, { ...llama3, factor: 8, originalPositions: 8192, highFrequencyFactor: 3 });
  await expect(openModel(await written(other, 'llama-other', 'f32'))).rejects.toMatchObject({
    code: 'CONFIG_UNSUPPORTED',
    message: expect.stringContaining('other than those of Llama 3.1'),
  });
});

it('keeps the blocks of a file when whole experts go, and all bytes of what has none', async () => {
  const file = await written(await openModel(fixture('glm4_moe')), 'whole', 'f32');
  const quantised = await written(await openModel(fixture('qwen2_moe')), 'quantised', 'q8_0');
  for (const source of [file, quantised]) {
    const base = await openModel(source);
    const view = applyPlan(base, dropPlan(base));
    const out = `${source}.sliced.gguf`;
    await writeSlice(await planSlice(base, view), await FileOutput.claim(out, { isOwn }), {});
    const opened = await openModel(out);
    await expectSame(
      { ...opened, blocks: withoutOrigins(opened) },
      { ...view, blocks: withoutOrigins(view) },
    );
    const [before, after] = [await readGguf(source), await readGguf(out)];
    const [old, sliced] = [readFileSync(source), readFileSync(out)];
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    for (const [name, { type, length, offset }] of after.tensors) {
      const was = before.tensors.get(name)!;
      expect(type, name).toBe(was.type);
      if (length !== was.length) continue;
      const same = sliced
        .subarray(offset, offset + length)
        .equals(old.subarray(was.offset, was.offset + length));
      expect(same, name).toBe(true);
    }
    expect(
      [...after.metadata].filter(([key, { value }]) => before.metadata.get(key)!.value !== value),
    ).toEqual([
      [expect.stringMatching(/expert_count$/), expect.objectContaining({ value: opened.config.experts })],
    ]);
  }
});

/** Experts of a file are numbered anew. */
const withoutOrigins = ({ blocks }: Model) =>
  blocks.map((block) => {
    const { ffn } = block;
    if (ffn.kind !== 'moe') return block;
    return {
      ...block,
      ffn: { ...ffn, pool: ffn.pool.map((expert) => ({ ...expert, origin: { layer: 0, index: 0 } })) },
    };
  });

it('refuses to slice where blocks cannot be kept', async () => {
  const base = await openModel(await written(await openModel(fixture('qwen2_moe')), 'refusing', 'f32'));
  await expect(planSlice(base, applyPlan(base, narrowPlan(base)))).rejects.toMatchObject({
    code: 'CONFIG_UNSUPPORTED',
    message: expect.stringContaining('is not what it was without some experts'),
  });
  const uneven = planFor(base, (layer, experts) => ({
    op: 'keep-experts',
    experts: [...Array(experts - layer).keys()],
  }));
  await expect(planSlice(base, applyPlan(base, uneven))).rejects.toThrow('different numbers of experts');
  const folderModel = await openModel(fixture('qwen2_moe'));
  await expect(planSlice(folderModel, folderModel)).rejects.toThrow('not opened from a GGUF file');
});

it('believes the tokenizer beside a file, and no link to elsewhere', async () => {
  const beside = join(folder, 'beside');
  mkdirSync(beside);
  const file = await written(await openModel(fixture('glm4_moe')), 'beside/model', 'f32');
  const tokenizer = join(beside, 'tokenizer.json');
  writeFileSync(tokenizer, '{"version":"1.0"}');
  const { source } = await openModel(file);
  expect(readFileSync(join(source.directory, 'tokenizer.json'), 'utf8')).toBe('{"version":"1.0"}');
  rmSync(tokenizer);
  symlinkSync(fileURLToPath(import.meta.url), tokenizer);
  await expect(openModel(file)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
});

it('refuses metadata that contradict the tensors, and architectures that are not read', async () => {
  const file = await written(await openModel(fixture('glm4_moe')), 'sound', 'f32');
  const sound = readFileSync(file);
  const opened = async (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(sound);
    change(bytes);
    writeFileSync(file, bytes);
    return openModel(file);
  };
  const put = (key: string, value: number) => (bytes: Buffer) => {
    bytes.writeUInt32LE(value, bytes.indexOf(key) + key.length + 4);
  };
  const rejected = (change: (bytes: Buffer) => void) => expect(opened(change)).rejects;
  await rejected(put('glm4moe.block_count', 2 ** 32 - 1)).toThrow('4294967295 layers, and there are');
  await rejected(put('glm4moe.attention.head_count', 0)).toMatchObject({ code: 'CONFIG_INVALID' });
  await rejected(put('glm4moe.expert_count', 7)).toMatchObject({ code: 'TENSOR_SHAPE' });
  await rejected(put('glm4moe.attention.value_length', 16)).toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
  await rejected((bytes) => bytes.write('glm9moe', bytes.indexOf('glm4moe'))).toMatchObject({
    code: 'ARCHITECTURE_UNKNOWN',
    message: expect.stringContaining('Did you mean glm4moe?'),
  });
});

it('keeps what a file says of a tokenizer that cannot be read, where weights are quantised anew', async () => {
  const model = await openModel(fixture('olmoe'));
  const file = join(folder, 'tokenizer.gguf');
  const tokenizer = new Map([
    ...ids(model),
    ['tokenizer.ggml.pre', text('unheard-of')] as const,
    ['tokenizer.ggml.tokens', texts(['a', 'é'])] as const,
  ]);
  await writeGguf(model, await FileOutput.claim(file, { isOwn }), { type: 'f32', tokenizer });
  const opened = await openModel(file);
  const copied = await copiedTokenizer(opened);
  const again = join(folder, 'copied.gguf');
  await writeGguf(opened, await FileOutput.claim(again, { isOwn }), {
    type: 'q8_0',
    tokenizer: copied!.metadata,
  });
  const { metadata } = await readGguf(again);
  for (const [key, value] of tokenizer)
    expect(metadata.get(key)).toMatchObject({
      type: value.type,
      value: 'value' in value ? value.value : null,
    });
  expect(await copiedTokenizer(model)).toBeNull();
  writeFileSync(join(folder, 'tokenizer.json'), '{}');
  expect(await copiedTokenizer(opened)).toBeNull();
  rmSync(join(folder, 'tokenizer.json'));
});
