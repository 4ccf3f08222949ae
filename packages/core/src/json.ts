import { randomUUID } from 'node:crypto';

/** What Python's `json` writes and reads beyond JSON (RFC 8259 has no words for them). */
const words: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** Strings, which are passed over, and the words where a value may stand. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])(?:NaN|-?Infinity)(?![\w.+-]|\s*:)/g;

/**
 * JSON as Python's `json.loads` takes it: `NaN`, `Infinity` and `-Infinity` are numbers. Config files, rows
 * of data sets, results and servers written in Python hold them. Throws `SyntaxError` as `JSON.parse` does.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const found = [...text.matchAll(token)].some(([word]) => Object.hasOwn(words, word));
    if (!found) throw error;
  }
  // Begins the strings that stand for the words; nothing a stranger wrote contains it.
  const mark = randomUUID();
  const marked = text.replace(token, (word) => (Object.hasOwn(words, word) ? `"${mark}${word}"` : word));
  return JSON.parse(marked, (_, value) =>
    typeof value === 'string' && value.startsWith(mark) ? words[value.slice(mark.length)] : value,
  );
}
