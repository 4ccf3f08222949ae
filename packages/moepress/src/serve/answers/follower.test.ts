import type { Tokenizer } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Texts } from '../texts.js';
import { Follower, heldFrom } from './follower.js';

/** Each id is a byte; 0 is a special token. */
const bytes: Tokenizer = {
  bosTokenId: null,
  eosTokenId: null,
  encode: (text) => [...Buffer.from(text)],
  decode(ids, { skipSpecialTokens = true } = {}) {
    const parts = ids.map((id) => (id === 0 ? (skipSpecialTokens ? '' : '<s>') : String.fromCharCode(id)));
    return Buffer.from(parts.join(''), 'latin1').toString('utf8');
  },
};

async function follow(ids: readonly number[], stops: readonly string[], lag: number) {
  const texts = await Texts.start(async () => bytes);
  const pieces: string[] = [];
  let stopAt: number | null = null;
  const follower = new Follower(texts, {
    stops,
    onText: (piece) => pieces.push(piece),
    onStop: (count) => {
      stopAt = count;
    },
    onError: (error) => {
      throw error;
    },
  });
  for (let count = 1; count <= ids.length; count++) {
    follower.push(ids.slice(0, count));
    if (count % lag === 0) await follower.drain();
  }
  await follower.drain();
  return { pieces, stopAt, told: follower.told };
}

describe('Follower', () => {
  it('finds the first stop at the token that completes it, and tells the text before it, however far behind', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'ä', '€', '𝄞'), maxLength: 20 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'ä'), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(text, stops, fc.integer({ min: 1, max: 5 }), async (given, wanted, lag) => {
        const ids = [...Buffer.from(given)];
        const { pieces, stopAt, told } = await follow(ids, wanted, lag);
        const ends = wanted.flatMap((stop) =>
          given.includes(stop) ? [given.indexOf(stop) + stop.length] : [],
        );
        const end = ends.length > 0 ? Math.min(...ends) : null;
        expect(stopAt).toBe(end === null ? null : Buffer.byteLength(given.slice(0, end)));
        expect(pieces.join('')).toBe(told);
        expect(pieces.join('')).not.toContain('\ufffd');
        const cut = wanted.reduce((kept, stop) => kept.split(stop)[0]!, given);
        expect(cut.startsWith(told)).toBe(true);
        if (wanted.length === 0) expect(told).toBe(given);
      }),
    );
  });

  it('finds stops that are special tokens, and does not tell them', async () => {
    const { stopAt, pieces } = await follow([97, 0, 98], ['<s>'], 1);
    expect(stopAt).toBe(2);
    expect(pieces).toEqual(['a']);
  });
});

describe('heldFrom', () => {
  it.each([
    ['hello', 0, ['lox'], 3],
    ['hello', 0, ['ell'], 1],
    ['hello', 0, ['oo', 'lo'], 3],
    ['hello', 5, ['lox'], 5],
    ['hello', 0, [], 5],
  ])('%j of which %i are told, before %j: %i', (text, told, stops, end) => {
    expect(heldFrom(text, told, stops)).toBe(end);
  });
});
