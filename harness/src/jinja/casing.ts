/** Two letters in one, whose title case is neither upper nor lower, by their lower case. */
const digraphs: Readonly<Record<string, string>> = { ǆ: 'ǅ', ǉ: 'ǈ', ǌ: 'ǋ', ǳ: 'ǲ' };

/** Georgian letters, which have no title case of their own. */
const georgian = /[\u10d0-\u10fa\u10fd-\u10ff]/;

/** A character in title case, as Python has it: of what is several letters in upper case only the first stays so. */
function titled(char: string): string {
  if (georgian.test(char)) return char;
  const digraph = digraphs[char.toLowerCase()];
  if (digraph !== undefined) return digraph;
  let found = false;
  let out = '';
  for (const part of char.toUpperCase()) {
    out += found ? part.toLowerCase() : part;
    found ||= isCased(part);
  }
  return out;
}

const isCased = (char: string) =>
  /[\p{Lu}\p{Ll}\p{Lt}]/u.test(char) || char.toLowerCase() !== char.toUpperCase();

/** `text.title()`: each run of letters begins in title case and goes on in lower case. */
export function title(text: string): string {
  const lower = text.toLowerCase();
  // Lowered as a whole, as whether a sigma is the last of its word depends on what stands around it.
  const sameLength = [...lower].length === [...text].length;
  const lowered = sameLength ? [...lower] : [...text].map((char) => char.toLowerCase());
  let inside = false;
  return [...text]
    .map((char, i) => {
      const out = inside ? lowered[i]! : titled(char);
      inside = isCased(char);
      return out;
    })
    .join('');
}

/** `text.capitalize()`. */
export function capitalised(text: string): string {
  const [first = ''] = text;
  return titled(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

/** `text.swapcase()`. */
export function swapped(text: string): string {
  return Array.from(text, (char) =>
    char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase(),
  ).join('');
}

/** `text.isupper()` and `text.islower()`: letters of one case and none of the other. */
export function isOfCase(text: string, upper: boolean): boolean {
  const letters = Array.from(text).filter(isCased);
  return (
    letters.length > 0 &&
    letters.every((char) => (upper ? char === char.toUpperCase() : char === char.toLowerCase()))
  );
}

/** `text.istitle()`: letters in upper case where a run of them begins, in lower case within. */
export function isTitle(text: string): boolean {
  let inside = false;
  let any = false;
  for (const char of text) {
    if (isCased(char)) {
      const isUpper = char !== char.toLowerCase();
      if (isUpper === inside) return false;
      any = true;
      inside = true;
    } else inside = false;
  }
  return any;
}
