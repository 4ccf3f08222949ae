import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { byteTokenizer, wordTokenizer } from '../testing/toy-tokenizers.js';
import { encode, encodePair, prefixToken } from './encode.js';

const plain = { tokenizer: byteTokenizer(), addBos: null };

describe('encodePair', () => {
  it('moves blanks at the end of the context to the continuation', () => {
    expect(encodePair(plain, 'a: \n', 'b')).toEqual({ context: [100, 61], continuation: [35, 13, 101] });
  });

  it('conditions on the prefix token where there is no context', () => {
    expect(encodePair(plain, '', 'b')).toEqual({ context: [0], continuation: [101] });
  });

  it('splits by length, even where a token reaches across the border', () => {
    const encoding = { tokenizer: wordTokenizer(), addBos: null };
    expect(encodePair(encoding, 'x', 'y').continuation).toEqual([]);
  });

  it('loses no token and keeps blanks out of the context', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (context, continuation) => {
        const pair = encodePair(plain, context, continuation);
        expect([...pair.context, ...pair.continuation]).toEqual(encode(plain, context + continuation));
      }),
    );
  });
});

describe('encode', () => {
  const tokenizer = byteTokenizer(1);

  it('leaves the BOS to the tokenizer by default', () => {
    expect(encode({ tokenizer, addBos: null }, 'a')).toEqual([1, 100]);
    expect(encode(plain, 'a')).toEqual([100]);
  });

  it('adds none if told so', () => {
    expect(encode({ tokenizer, addBos: false }, 'a')).toEqual([100]);
  });

  it('makes sure of one BOS if told so', () => {
    const silent = { ...byteTokenizer(), bosTokenId: 1 };
    expect(encode({ tokenizer: silent, addBos: true }, 'a')).toEqual([1, 100]);
    expect(encode({ tokenizer, addBos: true }, 'a')).toEqual([1, 100]);
  });

  it('adds none to a text that spells it out', () => {
    expect(encode({ tokenizer, addBos: null }, '<s>a')).not.toContain(1);
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
  it('encodes the same pairs the same', () => {
    for (const line of golden<Line>('encode_pair_toy.jsonl')) {
      const tokenizer = line.tokenizer === 'bytes' ? byteTokenizer(line.bos) : wordTokenizer(line.bos);
      const { context, continuation } = encodePair(
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
