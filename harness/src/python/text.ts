/**
 * What Python's str methods call whitespace. It differs from JavaScript's: U+001C to U+001F and U+0085
 * count, U+FEFF does not.
 */
export const pythonSpace =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const leading = new RegExp(`^[${pythonSpace}]+`);
const space = new RegExp(`[${pythonSpace}]`);

export function lstrip(text: string): string {
  return text.replace(leading, '');
}

/** A loop from the end: the regular expression would take quadratic time on long inner runs of blanks. */
export function rstrip(text: string): string {
  let end = text.length;
  while (end > 0 && space.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

export function strip(text: string): string {
  return lstrip(rstrip(text));
}

/** Two letters in one, by their lower case: the title case is neither upper nor lower. */
const digraphs: Readonly<Record<string, string>> = { ǆ: 'ǅ', ǉ: 'ǈ', ǌ: 'ǋ', ǳ: 'ǲ' };

/**
 * `text.capitalize()`: the first character in title case, all others lowered. JavaScript does not tell the
 * title case of Georgian letters and of Greek ones with a subscript iota; those come out in upper case.
 */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const [initial = '', ...rest] = first.toUpperCase();
  const title = digraphs[first.toLowerCase()] ?? initial + rest.join('').toLowerCase();
  // Lowered as a whole: whether a sigma is the last of its word depends on what stands before it.
  return title + text.toLowerCase().slice(first.toLowerCase().length);
}

/** `len(text)`: Unicode code points. */
export function codePointLength(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Bytes of the text in UTF-8. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}
