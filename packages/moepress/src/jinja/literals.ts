import { TemplateError } from './template-error.js';

const simple: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The value of a string literal, its quotes about it, with Python's escapes. Throws `TemplateError` for broken ones. */
export function stringOf(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|[0-7]{1,3}|[\s\S])/gi, (whole, word: string) => {
      if (Object.hasOwn(simple, word)) return simple[word]!;
      if (/^[0-7]/.test(word)) return String.fromCodePoint(Number.parseInt(word, 8));
      if (word.length > 1) {
        const code = Number.parseInt(word.slice(1), 16);
        if (code > 0x10ffff) throw new TemplateError(`there is no character ${whole}`);
        return String.fromCodePoint(code);
      }
      // Of these Python wants digits, and names of characters; of others it keeps the backslash.
      if (/[xuUN]/.test(word)) throw new TemplateError(`the escape ${whole} is not whole`);
      return whole;
    });
}

export const integerOf = (literal: string): bigint => BigInt(literal.replaceAll('_', '').toLowerCase());

export const floatOf = (literal: string): number => Number(literal.replaceAll('_', ''));
