/** The deepest nesting of lists and maps. */
const most = 500;

/** Marks of block lists and maps one after the other on a line, each of which begins one within the one before. */
const compact = new RegExp(`(?:[-?:][ \\t]+){${most}}`);

/**
 * Whether lists and maps of a YAML text may nest too deep for a recursive parser: to be checked before parsing, since
 * a stack overflow may end the process. Counts brackets, also those in strings, and markers on one line; deeper
 * indentation is impossible in a short text, because it takes the square of the depth in characters.
 */
export function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (const char of text) {
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
    if (depth > most) return true;
  }
  return compact.test(text);
}

/** Whether the lists and maps of what a YAML text holds nest deeper, or without an end; looks at each once, however often aliases stand for it. */
export function isDeeper(value: unknown, levels: number): boolean {
  const heights = new Map<object, number>();
  const heightOf = (inner: unknown): number => {
    if (typeof inner !== 'object' || inner === null) return 0;
    const known = heights.get(inner);
    if (known !== undefined) return known;
    // Met again before it is known, it holds itself.
    heights.set(inner, Number.POSITIVE_INFINITY);
    const height = Object.values(inner).reduce<number>((most, item) => Math.max(most, heightOf(item) + 1), 0);
    heights.set(inner, height);
    return height;
  };
  return heightOf(value) > levels;
}
