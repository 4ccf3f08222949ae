import type { Row } from './dataset.js';
import { countOf, Scales, weights } from './limits.js';

/**
 * What a row of a text file is: a line, or a paragraph, both as the `datasets` library has them; or a document between
 * blank lines, white space on them or not.
 */
export type TextRows = 'line' | 'paragraph' | 'document';

/** Rows of the single column `text`. Line breaks of other systems count as `\n`, as Python reads them. Throws `DATASET_INVALID`. */
export function parseText(text: string, by: TextRows, where: string): Row[] {
  new Scales(where).add(text.length + weights.row * (countOf(text, '\n') + countOf(text, '\r')));
  return split[by](text.replace(/\r\n?/g, '\n')).map((row) => ({ text: row }));
}

const split: Readonly<Record<TextRows, (text: string) => string[]>> = {
  line(text) {
    const lines = text.split('\n');
    return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  },
  // The last one keeps the line break at its end.
  paragraph: (text) => text.split('\n\n').filter((paragraph) => paragraph !== ''),
  document: (text) =>
    text
      .split(/\n(?:[^\S\n]*\n)+/)
      .map((document) => document.replace(/^\n+|\n+$/g, ''))
      .filter((document) => document !== ''),
};
