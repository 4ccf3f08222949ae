import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GroupedQueryAttention, moeBlocks, type ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { openModel } from '../model/open.js';
import { arrayEntry, exprEntry } from '../safetensors/file-layout.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';
import { edit, failure, fixture, temporaryFolder } from '../support.test.util.js';
import { decodeFloat32 } from '../tensor/read-tensor.js';
import { adapterConfigFile } from './adapter-config.js';
import { adapterFile } from './adapter-weights.js';

const golden = async (name: string) =>
  JSON.parse(await readFile(fixture(`adapters/${name}/golden.json`), 'utf8')) as {
    readonly base: string;
    readonly query: readonly number[];
  };

/** A base with an adapter of the fixtures beside its weights. */
async function beside(name: string): Promise<string> {
  const folder = await temporaryFolder();
  await cp(fixture((await golden(name)).base), folder, { recursive: true });
  for (const file of [adapterConfigFile, adapterFile]) {
    await cp(fixture(`adapters/${name}/${file}`), join(folder, file));
  }
  return folder;
}

/** The Mixtral fixture with an adapter of rank 1, matrices of ones, scaled by 2, for some modules. */
async function withModules(modules: Readonly<Record<string, readonly [out: number, width: number]>>) {
  const folder = await temporaryFolder();
  await cp(fixture('mixtral'), folder, { recursive: true });
  const ones = (name: string, shape: number[]) =>
    arrayEntry(name, 'F32', shape, new Float32Array(shape[0]! * shape[1]!).fill(1));
  await writeSafetensors(
    join(folder, adapterFile),
    Object.entries(modules).flatMap(([module, [out, width]]) => [
      ones(`base_model.model.${module}.lora_A.weight`, [1, width]),
      ones(`base_model.model.${module}.lora_B.weight`, [out, 1]),
    ]),
  );
  await writeFile(
    join(folder, adapterConfigFile),
    JSON.stringify({ peft_type: 'LORA', r: 1, lora_alpha: 2 }),
  );
  return folder;
}

const queryOf = async (folder: string) => {
  const { blocks } = await openModel(folder);
  return decodeFloat32((blocks[1]!.attention as GroupedQueryAttention).q.weight);
};

describe('a LoRA adapter beside the weights', () => {
  const names = [
    'plain',
    'rank-stabilised',
    'patterns',
    'fan-in-fan-out',
    'saved-modules',
    'embedding',
    'biases',
  ];
  it.each(names)('has the weights that PEFT merges: %s', async (name) => {
    const { query } = await golden(name);
    const row = (await queryOf(await beside(name))).subarray(0, query.length);
    // What is written is rounded to BF16, which keeps eight bits of a number.
    for (const [i, value] of row.entries()) expect(Math.abs(value - query[i]!)).toBeLessThan(2 ** -8 * 2);
    const plain = await queryOf(fixture((await golden(name)).base));
    const changed = row.some((value, i) => value !== plain[i]);
    expect(changed).toBe(!['fan-in-fan-out', 'saved-modules', 'embedding'].includes(name));
  });

  it('is told of, and has headers of its own', async () => {
    const events: ProgressEvent[] = [];
    const model = await openModel(await beside('plain'), { progress: (event) => events.push(event) });
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('4 weights changed') }]);
    expect(model.headerHash).not.toBe((await openModel(fixture('llama'))).headerHash);
    expect(JSON.parse(JSON.stringify(model))).toEqual(model);
  });

  it('parts embedding and head that it has copies of', async () => {
    const model = await openModel(await beside('saved-modules'));
    expect(model.config.tiedEmbeddings).toBe(false);
    expect(model.embed).not.toEqual(model.head);
    expect((await openModel(fixture('llama'))).config.tiedEmbeddings).toBe(true);
  });

  it('changes experts and routers by the names of either transformers', async () => {
    const folder = await withModules({
      'model.layers.0.block_sparse_moe.experts.3.w2': [64, 48],
      'model.layers.1.mlp.experts.2.w1': [48, 64],
      'model.layers.1.block_sparse_moe.gate': [8, 64],
    });
    const [first, second] = moeBlocks(await openModel(folder));
    const [before, after] = moeBlocks(await openModel(fixture('mixtral')));
    const shift = async (now: Parameters<typeof decodeFloat32>[0], then: typeof now) =>
      (await decodeFloat32(now))[5]! - (await decodeFloat32(then))[5]!;
    expect(await shift(first!.ffn.pool[3]!.down, before!.ffn.pool[3]!.down)).toBeCloseTo(2, 1);
    expect(await shift(second!.ffn.pool[2]!.gate!, after!.ffn.pool[2]!.gate!)).toBeCloseTo(2, 1);
    expect(await shift(second!.ffn.router.weight, after!.ffn.router.weight)).toBeCloseTo(2, 1);
    expect(first!.ffn.pool[2]).toEqual({
      ...before!.ffn.pool[2],
      ...Object.fromEntries(
        (['gate', 'up', 'down'] as const).map((part) => [
          part,
          { ...before!.ffn.pool[2]![part], file: expect.any(String) },
        ]),
      ),
    });
  });

  it.each([
    ['model.layers.0.mlp.experts.gate_up_proj', [64, 48], 'CONFIG_UNSUPPORTED'],
    ['model.layers.9.self_attn.q_proj', [64, 64], 'CONFIG_UNSUPPORTED'],
    ['score', [2, 64], 'CONFIG_UNSUPPORTED'],
    ['model.layers.0.self_attn.q_proj', [64, 48], 'TENSOR_SHAPE'],
  ] as const)('is refused where it changes %s %j', async (module, shape, code) => {
    expect(await failure(openModel(await withModules({ [module]: shape })))).toMatchObject({ code });
  });

  it('is refused where it adds to what embedding and head share', async () => {
    const folder = await beside('plain');
    const { tensors } = await readSafetensors(join(folder, adapterFile));
    const entries = [...tensors.values()].map((tensor) => exprEntry(tensor.name, tensor));
    const [a, b] = ['A', 'B'].map((half, i) =>
      arrayEntry(
        `base_model.model.lm_head.lora_${half}.weight`,
        'F32',
        i ? [128, 1] : [1, 32],
        new Float32Array(i ? 128 : 32),
      ),
    );
    const other = await beside('plain');
    await writeSafetensors(join(other, adapterFile), [...entries, a!, b!]);
    expect(await failure(openModel(other))).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      message: expect.stringContaining('share'),
      hint: expect.stringContaining('merge_and_unload'),
    });
  });

  it.each([
    ['use_dora', true],
    ['peft_type', 'IA3'],
    ['target_parameters', ['mlp.experts.gate_up_proj']],
    ['init_lora_weights', 'pissa_niter_4'],
    ['trainable_token_indices', [1, 2]],
    ['layer_replication', [[0, 2]]],
  ])('is refused with the line that merges it where %s is %j', async (key, value) => {
    const folder = await beside('plain');
    await edit(folder, adapterConfigFile, (config) => {
      config[key] = value;
    });
    expect(await failure(openModel(folder))).toMatchObject({
      code: 'CONFIG_UNSUPPORTED',
      where: expect.stringContaining(key),
      hint: expect.stringContaining('merge_and_unload'),
    });
  });

  it.each([
    ['lora_alpha', null],
    ['rank_pattern', 'q_proj'],
    ['alpha_pattern', { q_proj: 'x' }],
  ])('names what is wrong: %s = %j', async (key, value) => {
    const folder = await beside('plain');
    await edit(folder, adapterConfigFile, (config) => {
      config[key] = value;
    });
    const opened = openModel(folder);
    // Ranks are those of the matrices, whatever the config says.
    if (key === 'rank_pattern') expect((await opened).id).toBe(folder);
    else expect(await failure(opened)).toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

it('takes regular expressions of strangers that go back for ever, and refuses those that must', async () => {
  const folder = await beside('plain');
  const alphas = (alpha_pattern: object) =>
    edit(folder, adapterConfigFile, (config) => Object.assign(config, { alpha_pattern }));
  await alphas({ '(([a-z_.0-9]+)+)+!': 2, '(.+)+(.+)+(.+)+x': 3 });
  expect((await openModel(folder)).id).toBe(folder);
  for (const pattern of ['(?=q)', '(a)\\1', '(a{1000}){1000}', 'x'.repeat(501)]) {
    await alphas({ [pattern]: 2 });
    expect(await failure(openModel(folder))).toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
  }
});

describe('a LoRA adapter alone', () => {
  it('is merged into the base that it names', async () => {
    const folder = await temporaryFolder();
    await cp(fixture('adapters/plain'), folder, { recursive: true });
    await edit(folder, adapterConfigFile, (config) => {
      config.base_model_name_or_path = fixture('llama');
    });
    const model = await openModel(folder);
    expect(model.id).toBe(folder);
    expect(model.source.directory).toBe(fixture('llama'));
    expect(await queryOf(folder)).toEqual(await queryOf(await beside('plain')));
  });

  it('tells of a tokenizer of its own, which is not used', async () => {
    const [base, folder] = [await temporaryFolder(), await temporaryFolder()];
    await cp(fixture('llama'), base, { recursive: true });
    await cp(fixture('adapters/plain'), folder, { recursive: true });
    await edit(folder, adapterConfigFile, (config) => {
      config.base_model_name_or_path = base;
    });
    const told = async (own: object, padding: object | null = null) => {
      const tokenizer = { model: { type: 'BPE', vocab: {}, merges: [] }, added_tokens: [] };
      await writeFile(join(base, 'tokenizer.json'), JSON.stringify(tokenizer));
      await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ padding, ...tokenizer, ...own }));
      const messages: string[] = [];
      await openModel(folder, {
        progress: (event) => event.type === 'warning' && messages.push(event.message),
      });
      return messages.some((message) => message.includes('its own tokenizer'));
    };
    expect(await told({})).toBe(false);
    expect(await told({}, { strategy: 'BatchLongest' })).toBe(false);
    expect(await told({ added_tokens: [{ id: 1, content: '<x>' }] })).toBe(true);
  });

  it('says that it is one where its base cannot be had', async () => {
    const folder = await temporaryFolder();
    await cp(fixture('adapters/plain'), folder, { recursive: true });
    for (const base of ['/nowhere/base', null]) {
      await edit(folder, adapterConfigFile, (config) => {
        config.base_model_name_or_path = base;
      });
      expect(await failure(openModel(folder))).toMatchObject({
        code: 'CHECKPOINT_NOT_FOUND',
        message: expect.stringContaining('adapter without its base'),
        hint: expect.stringContaining('merge_and_unload'),
      });
    }
  });
});
