import { createHash } from 'node:crypto';
import type { Tokenizer } from '@moepress/core';

/** Ids 0 to 2 are special; `bos` is put before a text unless special tokens are off. */
function withSpecialTokens(
  bos: number | null,
  encode: (text: string) => number[],
  decode: (ids: number[]) => string,
): Tokenizer {
  const special: Readonly<Record<number, string>> = { 0: '<|end|>', 1: '<s>', 2: '<|pad|>' };
  return {
    bosTokenId: bos,
    eosTokenId: 0,
    encode(text, { addSpecialTokens = true } = {}) {
      const ids = encode(text);
      return addSpecialTokens && bos !== null ? [bos, ...ids] : ids;
    },
    decode(ids, { skipSpecialTokens = true } = {}) {
      const pieces: string[] = [];
      let run: number[] = [];
      for (const id of ids) {
        const text = special[id];
        if (text === undefined) run.push(id);
        else {
          pieces.push(decode(run), skipSpecialTokens ? '' : text);
          run = [];
        }
      }
      return [...pieces, decode(run)].join('');
    },
  };
}

/** A token is a byte of UTF-8; its id is the byte plus 3. */
export function byteTokenizer(bos: number | null = null): Tokenizer {
  return withSpecialTokens(
    bos,
    (text) => [...Buffer.from(text, 'utf8')].map((byte) => byte + 3),
    (ids) => Buffer.from(ids.map((id) => id - 3)).toString('utf8'),
  );
}

/** A token is a word with the blank before it; its id is the start of its SHA-256 plus 3. */
export function wordTokenizer(bos: number | null = null): Tokenizer {
  const words = new Map<number, string>();
  const idOf = (word: string) => {
    const id = createHash('sha256').update(word).digest().readUInt16BE(0) + 3;
    words.set(id, word);
    return id;
  };
  return withSpecialTokens(
    bos,
    (text) => (text.match(/ ?[A-Za-z]+| ?[0-9]+|\s+(?!\S)|[^\sA-Za-z0-9]|\s/gu) ?? []).map(idOf),
    (ids) => ids.map((id) => words.get(id) ?? '').join(''),
  );
}
