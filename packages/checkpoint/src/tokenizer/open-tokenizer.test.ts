import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { openTokenizer } from './open-tokenizer.js';

/** Byte-level BPE with four merges, framed by BOS. */
const tokenizerJson = {
  version: '1.0',
  added_tokens: ['<s>', '</s>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
  },
  decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    vocab: { '<s>': 0, '</s>': 1, a: 2, c: 3, t: 4, Ġ: 5, '.': 6, at: 7, cat: 8, Ġcat: 9 },
    merges: ['a t', 'c at', 'Ġ cat'],
  },
};

async function folderWith(config: object | null, json: unknown = tokenizerJson): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json));
  if (config) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return folder;
}

describe('openTokenizer', () => {
  it('encodes with and without the tokenizer’s framing', async () => {
    const tokenizer = await openTokenizer(await folderWith({}));
    expect(tokenizer.encode('cat cat')).toEqual([0, 8, 9]);
    expect(tokenizer.encode('cat cat', { addSpecialTokens: false })).toEqual([8, 9]);
  });

  it('decodes with and without special tokens, and keeps spaces before punctuation', async () => {
    const tokenizer = await openTokenizer(await folderWith({}));
    expect(tokenizer.decode([0, 8, 5, 6, 1])).toBe('cat .');
    expect(tokenizer.decode([0, 8, 1], { skipSpecialTokens: false })).toBe('<s>cat</s>');
    expect(tokenizer.decode([])).toBe('');
  });

  it('finds special tokens given as text, as objects or not at all', async () => {
    const config = { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false } };
    expect(await openTokenizer(await folderWith(config))).toMatchObject({ bosTokenId: 0, eosTokenId: 1 });
    // One that is in no vocabulary is added behind it, as in transformers.
    const silent = { bos_token: null, eos_token: '<unheard of>' };
    expect(await openTokenizer(await folderWith(silent))).toMatchObject({ bosTokenId: null, eosTokenId: 10 });
    expect(await openTokenizer(await folderWith(null))).toMatchObject({ bosTokenId: null, eosTokenId: null });
  });

  it.each(['tokenizer.model', 'vocab.json', 'tekken.json'])('shows how to make one of %s', async (name) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, name), '');
    expect(await failure(openTokenizer(folder))).toMatchObject({
      code: 'TOKENIZER_MISSING',
      message: expect.stringContaining(name),
      hint: expect.stringContaining(`T.from_pretrained(${JSON.stringify(folder)}).save_pretrained(`),
    });
  });

  it('says so if there is none, or a broken one', async () => {
    expect((await failure(openTokenizer(await temporaryFolder()))).code).toBe('TOKENIZER_MISSING');
    const endless = { ...tokenizerJson.added_tokens[0], content: { length: 1e9 } };
    for (const broken of [
      {},
      [],
      { ...tokenizerJson, model: { type: 'Unheard' } },
      { ...tokenizerJson, added_tokens: [endless] },
    ]) {
      const error = await failure(openTokenizer(await folderWith(null, broken)));
      expect(error).toMatchObject({
        code: 'TOKENIZER_MISSING',
        where: expect.stringContaining('tokenizer.json'),
      });
    }
  });
});

const shared = process.env.MOEPRESS_SHARED;

describe.runIf(shared)('parity with the Rust tokenizers', () => {
  it.each(['olmoe_gpt-neox-olmo-dolma-v1_5', 'olmo2_dolma2', 'gpt-neox-20b', 'qwen3', 'deepseek_v3'])(
    '%s gives the same ids',
    async (name) => {
      const folder = await temporaryFolder();
      const gz = join(shared!, 'data/tokenizers', `${name}.tokenizer.json.gz`);
      await writeFile(join(folder, 'tokenizer.json'), gunzipSync(await readFile(gz)));
      const tokenizer = await openTokenizer(folder);
      const golden = await jsonLines(join(shared!, 'golden/eval', `tokens_${name}.jsonl`));
      const prompts = new Map<string, Prompt[]>();
      let compared = 0;
      for (const { file, doc_id, idx, ctx_len, ctx_ids, cont_ids } of golden as Golden[]) {
        const path = join(shared!, 'golden/eval', file);
        // The picked edge cases are not part of every copy of the goldens.
        if (!existsSync(path)) continue;
        if (!prompts.has(file)) prompts.set(file, (await jsonLines(path)) as Prompt[]);
        const prompt = prompts.get(file)!.find((candidate) => candidate.doc_id === doc_id);
        const { context, continuation } = prompt!.requests?.[idx] ?? {
          context: prompt!.context!,
          continuation: '',
        };
        // As the harness pairs them: blanks at the end of the context go to the continuation, the
        // whole is encoded, and as many ids as the context alone has are cut off.
        const head = context.trimEnd();
        const ids = tokenizer.encode(context + continuation);
        expect(ids.slice(ctx_len)).toEqual(cont_ids);
        if (ctx_ids) expect(tokenizer.encode(head)).toEqual(ctx_ids);
        compared++;
      }
      expect(compared).toBeGreaterThanOrEqual(689);
    },
  );

  it('opens that of the tiny model', async () => {
    const tokenizer = await openTokenizer(join(shared!, 'models/tiny'));
    const text = await readFile(join(shared!, 'models/tiny/heldout.txt'), 'utf8');
    expect(tokenizer.eosTokenId).toBe(0);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});

interface Golden {
  file: string;
  doc_id: number;
  idx: number;
  ctx_len: number;
  ctx_ids?: number[];
  cont_ids: number[];
}

interface Prompt {
  doc_id: number;
  requests?: { context: string; continuation: string }[];
  /** The context of a generation task. */
  context?: string;
}

async function jsonLines(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}
