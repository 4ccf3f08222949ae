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

/** Lower-case letters whose title case does not follow from their upper case, mostly two letters in one, with that title case. */
const titles: Readonly<Record<string, string>> = { ǆ: 'ǅ', ǉ: 'ǈ', ǌ: 'ǋ', ǳ: 'ǲ', ŉ: 'ʼN' };

/** Letters that have no title case though they have an upper one. */
const georgian = /[\u10d0-\u10ff]/;

/** Upper case turns their iota into a letter, title case leaves it a subscript. */
const greekWithIota =
  /[\u1f80-\u1faf\u1fb2-\u1fb4\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc7\u1fcc\u1ff2-\u1ff4\u1ff7\u1ffc]/;
const subscriptIota = '\u0345';

/** `text.capitalize()`: the first character in title case, which JavaScript does not tell, all others lowered. */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const title = titleOf(first);
  // Lowered as a whole: whether a sigma is the last of its word depends on what stands before it.
  return title + text.toLowerCase().slice(first.toLowerCase().length);
}

function titleOf(character: string): string {
  const known = titles[character.toLowerCase()];
  if (known !== undefined) return known;
  if (georgian.test(character)) return character;
  const [initial = '', ...rest] = character.toUpperCase();
  if (!greekWithIota.test(character)) return initial + rest.join('').toLowerCase();
  const marks = rest.slice(0, -1).join('');
  const title = initial + marks + subscriptIota;
  return marks === '' ? title.normalize('NFC') : title;
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
