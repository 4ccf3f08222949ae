import { randomUUID } from 'node:crypto';

/**
 * Indented JSON with lists of numbers, and lists of such lists, on one line: slot maps stay readable.
 * Numbers that stand at the same place in the text `like` stay written as they are there, since 1.0 and 1
 * are different things to Python, and some of its configs accept only one of them; so do NaN and Infinity, which
 * Python reads and writes.
 */
export function formatJson(value: unknown, like = 'null'): string {
  // Begins the strings that stand for number literals; nothing else contains it.
  const mark = randomUUID();
  const marked = keepLiterals(value, JSON.parse(markLiterals(like, mark)), mark);
  // A line break inside a string is escaped, so this meets only lists.
  const list = /\[\n\s+((?:-?\d+|\[[-\d, ]*\])(?:,\n\s+(?:-?\d+|\[[-\d, ]*\]))*)\n\s+\]/g;
  const onOneLine = (json: string) =>
    json.replace(list, (_, items: string) => `[${items.replace(/\n\s+/g, ' ')}]`);
  const json = onOneLine(onOneLine(JSON.stringify(marked, null, 2)));
  return `${json.replace(new RegExp(`"${mark}([^"]+)"`, 'g'), '$1')}\n`;
}

/** Makes marked strings of the numbers that JavaScript would write differently. */
function markLiterals(json: string, mark: string): string {
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|NaN|-?Infinity|-?\d[\d.eE+-]*/g;
  return json.replace(token, (text) =>
    text.startsWith('"') || (String(Number(text)) === text && Number.isFinite(Number(text)))
      ? text
      : `"${mark}${text}"`,
  );
}

/** `value` with the marked literals of `marked` in place of equal numbers. */
function keepLiterals(value: unknown, marked: unknown, mark: string): unknown {
  const inside = (key: string | number) =>
    typeof marked === 'object' && marked !== null ? (marked as Record<string, unknown>)[key] : undefined;
  if (typeof value === 'number') {
    const literal = typeof marked === 'string' && marked.startsWith(mark) && marked.slice(mark.length);
    return literal && Object.is(Number(literal), value) ? marked : value;
  }
  if (Array.isArray(value)) return value.map((item, i) => keepLiterals(item, inside(i), mark));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, keepLiterals(item, inside(key), mark)]);
  return Object.fromEntries(entries);
}
