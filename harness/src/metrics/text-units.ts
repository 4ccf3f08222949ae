import { pythonRegex } from '../python/regex.js';
import { utf8Length } from '../python/text.js';

const blanks = pythonRegex('\\s+');

/** Pieces between runs of whitespace; blanks at either end count an empty piece, as `re.split` gives it. */
export function countWords(text: string): number {
  return text.split(blanks).length;
}

export const countBytes = utf8Length;
