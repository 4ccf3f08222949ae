import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openTokenizer } from '../../tokenizer/open-tokenizer.js';
import type { GgufEntry } from '../gguf-header.js';
import type { GgufFile } from '../read-gguf.js';
import { GgufMetadata } from './gguf-metadata.js';
import { ggufTokenizer } from './gguf-tokenizer.js';

const metadataOf = (values: Readonly<Record<string, GgufEntry['value']>>) => {
  const all = { 'general.architecture': 'qwen3moe', ...values };
  const metadata = new Map(
    Object.entries(all).map(([key, value]) => [key, { type: 'string', value, begin: 0, end: 0 } as const]),
  );
  return new GgufMetadata({ metadata, path: 'a.gguf' } as unknown as GgufFile);
};

const prefixed = (values: Readonly<Record<string, GgufEntry['value']>>) =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [`tokenizer.ggml.${key}`, value]));

/** The tokens that texts become. */
async function tokensOf(
  values: Readonly<Record<string, GgufEntry['value']>>,
  texts: readonly string[],
): Promise<string[][]> {
  const made = ggufTokenizer(metadataOf(values));
  if ('why' in made) throw new Error(made.why);
  const folder = mkdtempSync(join(tmpdir(), 'moepress-gguf-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(made.tokenizer));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(made.settings));
  const tokenizer = await openTokenizer(folder);
  const tokens = values['tokenizer.ggml.tokens'] as string[];
  const found = texts.map((text) => tokenizer.encode(text));
  for (const [i, ids] of found.entries()) expect(tokenizer.decode(ids)).toBe(texts[i]);
  return found.map((ids) => ids.map((id) => tokens[id]!));
}

it('makes byte-level tokenizers that split texts by the rule that files name', async () => {
  const tokens = ['a', 'b', '1', '2', 'Ġ', 'Ċ', 'ab', 'Ġab', '12', '<end>', 'É'];
  const values = prefixed({
    model: 'gpt2',
    tokens,
    token_type: [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 1],
    merges: ['a b', 'Ġ ab', '1 2'],
    eos_token_id: 9,
  });
  const texts = ['ab ab12', 'a\nab'];
  expect(await tokensOf({ ...values, 'tokenizer.ggml.pre': 'qwen2' }, texts)).toEqual([
    ['ab', 'Ġab', '1', '2'],
    ['a', 'Ċ', 'ab'],
  ]);
  expect((await tokensOf({ ...values, 'tokenizer.ggml.pre': 'llama-bpe' }, ['ab12']))[0]).toEqual([
    'ab',
    '12',
  ]);
  expect((await tokensOf({ ...values, 'tokenizer.ggml.pre': 'gpt-2' }, ['ab12']))[0]).toEqual(['ab', '12']);
});

it('makes tokenizers of SentencePiece, whose pieces with higher scores are merged first', async () => {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'a', 'b', 'c', '▁a', 'bc', 'ab', '▁ab'];
  const scores = tokens.map((_, id) => (id < 263 ? -1e6 : -id));
  const types = tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1));
  const values = prefixed({
    ...{ model: 'llama', tokens, scores, token_type: types },
    ...{ bos_token_id: 1, eos_token_id: 2, unknown_token_id: 0 },
  });
  const made = ggufTokenizer(metadataOf(values));
  expect(made).toMatchObject({ settings: { bos_token: '<s>', eos_token: '</s>' } });
  const found = await tokensOf({ ...values, 'tokenizer.ggml.add_bos_token': false }, ['abc', 'ab a', 'é']);
  expect(found).toEqual([
    ['▁a', 'bc'],
    ['▁ab', '▁a'],
    ['▁', '<0xC3>', '<0xA9>'],
  ]);
  expect(JSON.stringify(made)).toContain('"TemplateProcessing"');
});

it('says why there is none', () => {
  expect(ggufTokenizer(metadataOf(prefixed({ model: 'bert' })))).toEqual({
    why: 'Its tokenizer is of the kind "bert"',
  });
  expect(ggufTokenizer(metadataOf(prefixed({ model: 'gpt2', tokens: ['a'], pre: 'constructor' })))).toEqual({
    why: 'Its tokenizer splits texts by the rule "constructor", which is not known here',
  });
  const wrong = prefixed({ model: 'llama', tokens: ['a', 'b'], scores: [1] });
  expect(() => ggufTokenizer(metadataOf(wrong))).toThrow('not as many scores as tokens');
  expect(() => ggufTokenizer(metadataOf(prefixed({ model: 'gpt2', tokens: 7 })))).toThrow(/tokens as 7/);
});

it('takes the tokenizer.json that a file has where the rest does not describe one', async () => {
  const whole = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: 'b' }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab: { a: 0, b: 1, aa: 2 }, merges: [['a', 'a']] },
  };
  const values = prefixed({ model: 'gpt2', pre: 'default', tokens: ['a', 'b', 'aa'], merges: ['a a'] });
  const file = (text: string) => ({ ...values, 'tokenizer.huggingface.json': text });
  expect(ggufTokenizer(metadataOf(values))).toHaveProperty('why');
  const made = ggufTokenizer(metadataOf(file(JSON.stringify(whole))));
  expect(made).toMatchObject({ tokenizer: whole });
  for (const bad of ['[1]', '{', '"a"'])
    expect(() => ggufTokenizer(metadataOf(file(bad)))).toThrow('not JSON of an object');
});
