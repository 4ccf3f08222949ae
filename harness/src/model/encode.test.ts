import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { byteTokenizer, wordTokenizer } from '../testing/toy-tokenizers.js';
import { type Encoding, encode, encodePairs, prefixToken } from './encode.js';

const encodeOne = async (encoding: Encoding, text: string) => (await encode(encoding, [text]))[0];
const encodePair = async (encoding: Encoding, context: string, continuation: string) =>
  (await encodePairs(encoding, [{ context, continuation }]))[0]!;

const plain = { tokenizer: byteTokenizer(), addBos: null };

describe('encodePair', () => {
  it('moves blanks at the end of the context to the continuation', async () => {
    expect(await encodePair(plain, 'a: \n', 'b')).toEqual({
      context: [100, 61],
      continuation: [35, 13, 101],
    });
  });

  it('conditions on the prefix token where there is no context', async () => {
    expect(await encodePair(plain, '', 'b')).toEqual({ context: [0], continuation: [101] });
  });

  it('splits by length, even where a token reaches across the border', async () => {
    const encoding = { tokenizer: wordTokenizer(), addBos: null };
    expect((await encodePair(encoding, 'x', 'y')).continuation).toEqual([]);
  });

  it('loses no token and keeps blanks out of the context', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        async (context, continuation) => {
          const pair = await encodePair(plain, context, continuation);
          expect([...pair.context, ...pair.continuation]).toEqual(
            await encodeOne(plain, context + continuation),
          );
        },
      ),
    );
  });
});

describe('encode', () => {
  const tokenizer = byteTokenizer(1);

  it('leaves the BOS to the tokenizer by default', async () => {
    expect(await encodeOne({ tokenizer, addBos: null }, 'a')).toEqual([1, 100]);
    expect(await encodeOne(plain, 'a')).toEqual([100]);
  });

  it('adds none if told so', async () => {
    expect(await encodeOne({ tokenizer, addBos: false }, 'a')).toEqual([100]);
  });

  it('makes sure of one BOS if told so', async () => {
    const silent = { ...byteTokenizer(), bosTokenId: 1 };
    expect(await encodeOne({ tokenizer: silent, addBos: true }, 'a')).toEqual([1, 100]);
    expect(await encodeOne({ tokenizer, addBos: true }, 'a')).toEqual([1, 100]);
  });

  it('adds none to a text that spells it out', async () => {
    expect(await encodeOne({ tokenizer, addBos: null }, '<s>a')).not.toContain(1);
  });
});

it('needs a BOS or end-of-text token to begin with', () => {
  expect(prefixToken(byteTokenizer(1))).toBe(1);
  expect(prefixToken(byteTokenizer())).toBe(0);
  const bare = { ...byteTokenizer(), eosTokenId: null };
  expect(() => prefixToken(bare)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
});

interface Line {
  tokenizer: 'bytes' | 'words';
  bos: number | null;
  context: string;
  continuation: string;
  context_enc: number[];
  continuation_enc: number[];
}

describe.runIf(shared)('lm-evaluation-harness', () => {
  it('encodes the same pairs the same', async () => {
    for (const line of golden<Line>('encode_pair_toy.jsonl')) {
      const tokenizer = line.tokenizer === 'bytes' ? byteTokenizer(line.bos) : wordTokenizer(line.bos);
      const { context, continuation } = await encodePair(
        { tokenizer, addBos: null },
        line.context,
        line.continuation,
      );
      expect([context, continuation], JSON.stringify(line)).toEqual([
        line.context_enc,
        line.continuation_enc,
      ]);
    }
  });
});
