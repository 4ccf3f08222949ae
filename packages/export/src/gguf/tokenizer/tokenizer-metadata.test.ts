import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ggufTokenTypes } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import { afterAll, expect, it } from 'vitest';
import { openFixture } from '../../support.test.util.js';
import type { GgufMetadata } from '../file/metadata.js';
import { ggufTokenizer } from './tokenizer-metadata.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

const qwenWords = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const json = {
  version: '1.0',
  added_tokens: [
    {
      id: 3,
      content: '<|end|>',
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    },
    {
      id: 4,
      content: '<think>',
      special: false,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    },
  ],
  normalizer: null,
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: qwenWords }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] },
};

/** The value of a key that was not copied from another file. */
function metadataValue(metadata: GgufMetadata, key: string) {
  const found = metadata.get(key);
  return found && 'value' in found ? found.value : undefined;
}

async function withTokenizer(change: object = {}): Promise<Model> {
  const model = await openFixture('olmoe');
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ ...json, ...change }));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|end|>' }));
  return {
    ...model,
    config: { ...model.config, vocabSize: 8 },
    source: { ...model.source, directory: folder },
  };
}

const { normal, control, userDefined, unused } = ggufTokenTypes;

it('tells tokens, merges, kinds, special ids and chat templates', async () => {
  const model = await withTokenizer();
  const { metadata, notes } = await ggufTokenizer(
    model,
    new Map([
      ['default', 'main'],
      ['tools', 'other'],
    ]),
  );
  const value = (key: string) => metadataValue(metadata, `tokenizer.${key}`);
  expect(value('ggml.model')).toBe('gpt2');
  expect(value('ggml.pre')).toBe('qwen2');
  expect(value('ggml.tokens')).toEqual(['a', 'b', 'ab', '<|end|>', '<think>', '[PAD5]', '[PAD6]', '[PAD7]']);
  expect(value('ggml.token_type')).toEqual([
    normal,
    normal,
    normal,
    control,
    userDefined,
    unused,
    unused,
    unused,
  ]);
  expect(value('ggml.merges')).toEqual(['a b']);
  expect(value('ggml.eos_token_id')).toBe(3);
  expect(value('ggml.add_bos_token')).toBe(false);
  expect([value('chat_template'), value('chat_template.tools'), value('chat_templates')]).toEqual([
    'main',
    'other',
    ['tools'],
  ]);
  expect(notes).toEqual([]);
});

it('says so where texts are split in a way that has no name', async () => {
  const { metadata, notes } = await ggufTokenizer(
    await withTokenizer({ pre_tokenizer: { type: 'Whitespace' } }),
  );
  expect(metadataValue(metadata, 'tokenizer.ggml.pre')).toBe('default');
  const whole = metadataValue(metadata, 'tokenizer.huggingface.json');
  expect(JSON.parse(String(whole))).toMatchObject({ model: json.model });
  expect(notes).toHaveLength(1);
});

it('refuses tokens beyond the embedding, and other models of tokens', async () => {
  const far = { ...json, added_tokens: [{ ...json.added_tokens[0], id: 90 }] };
  await expect(ggufTokenizer(await withTokenizer(far))).rejects.toMatchObject({ code: 'TOKENIZER_MISSING' });
  const unigram = { model: { type: 'Unigram', unk_id: 0, vocab: [['a', -1]] } };
  await expect(ggufTokenizer(await withTokenizer(unigram))).rejects.toMatchObject({
    code: 'CONFIG_UNSUPPORTED',
  });
});

it('makes a file of ids alone where there is no tokenizer', async () => {
  const { metadata, notes } = await ggufTokenizer(await openFixture('olmoe'));
  expect([...metadata.keys()]).toEqual(['tokenizer.ggml.model']);
  expect(notes).toHaveLength(1);
});
