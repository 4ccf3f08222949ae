/** Lists and maps within each other, at most. */
const most = 500;

/** Marks of block lists and maps one after the other on a line, each of which begins one within the one before. */
const compact = new RegExp(`(?:[-?:][ \\t]+){${most}}`);

/**
 * Whether lists and maps of a YAML text may nest deeper than a parser that calls itself for each can bear: to be asked
 * before it is parsed, since a stack that overflows may end the process. Looks at brackets, also those in strings, and
 * at marks on one line; deeper indentation takes a text of its square.
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
