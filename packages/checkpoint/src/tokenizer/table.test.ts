import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, temporaryFolder } from '../support.test.util.js';
import { openTokenizer, readSpecialTokens } from './open-tokenizer.js';

/** What AutoTokenizer of transformers makes of files; scripts/tokenizer-table.py writes it. */
interface Table {
  /** tokenizer.json, by the names that rows have for it. */
  readonly tokenizers: Readonly<Record<string, object>>;
  readonly texts: readonly string[];
  readonly rows: readonly {
    readonly what: string;
    readonly files: Readonly<Record<'model' | 'config' | 'map' | 'added', object | undefined>> & {
      readonly tokenizer?: string;
    };
    readonly expected: {
      readonly bos: number | null;
      readonly eos: number | null;
      readonly named: Readonly<Record<string, string>>;
      readonly ids: readonly (readonly number[])[];
      readonly decoded: readonly string[];
    };
  }[];
}

const table: Table = JSON.parse(readFileSync(fixture('tokenizers/table.json'), 'utf8'));

describe('a tokenizer with', () => {
  it.each(table.rows)('$what is that of AutoTokenizer', async ({ files, expected }) => {
    const folder = await temporaryFolder();
    const write = async (name: string, content: object | undefined) => {
      if (content !== undefined) await writeFile(join(folder, name), JSON.stringify(content));
    };
    await write('tokenizer.json', table.tokenizers[files.tokenizer ?? 'bytes']);
    await write('config.json', files.model ?? { model_type: 'llama' });
    await write('tokenizer_config.json', files.config);
    await write('special_tokens_map.json', files.map);
    await write('added_tokens.json', files.added);
    const tokenizer = await openTokenizer(folder);
    const ids = table.texts.map((text) => tokenizer.encode(text));
    expect({
      bos: tokenizer.bosTokenId,
      eos: tokenizer.eosTokenId,
      named: await readSpecialTokens(folder),
      ids,
      decoded: ids.map((of) => tokenizer.decode(of)),
    }).toEqual({
      bos: expected.bos,
      eos: expected.eos,
      named: expected.named,
      ids: expected.ids,
      decoded: expected.decoded,
    });
  });

  describe.each([
    {
      name: 'bytes',
      tokenizer_class: 'LlamaTokenizer',
      without: [
        [259, 259],
        [263, 259],
      ],
    },
    {
      name: 'underscores',
      tokenizer_class: 'Qwen2Tokenizer',
      without: [
        [1, 356, 356],
        [1, 359, 356],
      ],
    },
  ])('$name where the class $tokenizer_class could not find a word', ({ name, tokenizer_class, without }) => {
    const idsIn = async (files: Readonly<Record<string, object>>) => {
      const folder = await temporaryFolder();
      const all = { 'tokenizer.json': table.tokenizers[name]!, ...files };
      for (const [file, content] of Object.entries(all)) {
        await writeFile(join(folder, file), JSON.stringify(content));
      }
      const tokenizer = await openTokenizer(folder);
      return ['cat cat', ' low  cat\n'].map((text) => tokenizer.encode(text));
    };
    const classed = { 'tokenizer_config.json': { tokenizer_class } };

    it('keeps its words beside a model', async () => {
      const model = { 'config.json': { model_type: 'mixtral' } };
      expect(await idsIn({ ...classed, ...model })).toEqual(await idsIn({}));
    });

    it('is that of AutoTokenizer beside none', async () => {
      expect(await idsIn(classed)).toEqual(without);
    });
  });
});
