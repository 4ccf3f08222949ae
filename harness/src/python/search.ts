/** Replacements and searches in untrusted text for which a regular expression would take quadratic time. */
import { strip } from './text.js';

/** Finds where a text next has `needle` from a place on, if places never go back; the length of the text if nowhere. */
function finder(text: string, needle: string): (from: number) => number {
  let found = -1;
  return (from) => {
    if (found < from) {
      const next = text.indexOf(needle, from);
      found = next === -1 ? text.length : next;
    }
    return found;
  };
}

/** `re.sub(r'<open>\s*([^<close>]*?)\s*<close>', r'<open>\1<close>', text)`: no blanks at the inner sides of brackets. */
export function tightened(text: string, open: string, close: string): string {
  const parts: string[] = [];
  let done = 0;
  for (;;) {
    const begin = text.indexOf(open, done);
    const end = begin === -1 ? -1 : text.indexOf(close, begin + 1);
    if (end === -1) break;
    parts.push(text.slice(done, begin + 1), strip(text.slice(begin + 1, end)), close);
    done = end + 1;
  }
  return parts.join('') + text.slice(done);
}

/** `re.sub(r'\[.*?\]', '', text)`: removes brackets and their content, where both are on one line. */
export function withoutBrackets(text: string): string {
  const closing = finder(text, ']');
  const lineEnd = finder(text, '\n');
  const parts: string[] = [];
  let done = 0;
  for (let at = text.indexOf('['); at !== -1; ) {
    const end = closing(at + 1);
    if (end === text.length) break;
    const isPair = end < lineEnd(at + 1);
    if (isPair) {
      parts.push(text.slice(done, at));
      done = end + 1;
    }
    at = text.indexOf('[', isPair ? done : at + 1);
  }
  return parts.join('') + text.slice(done);
}

/** `re.findall(r'[abcd] \) .*?, |e \) .*?$', text)`: the options of a question. */
export function findOptions(text: string): string[] {
  const comma = finder(text, ', ');
  const lineEnd = finder(text, '\n');
  const begin = /[abcde] \) /g;
  const found: string[] = [];
  for (let match = begin.exec(text); match; match = begin.exec(text)) {
    const [head] = match;
    const inside = match.index + head.length;
    const lineStops = lineEnd(inside);
    const end = head.startsWith('e') ? lineStops : comma(inside) + ', '.length;
    // The last option ends with the text, the others on their line.
    const isWhole = head.startsWith('e') ? lineStops >= text.length - 1 : end <= lineStops;
    if (!isWhole) {
      begin.lastIndex = match.index + 1;
      continue;
    }
    found.push(text.slice(match.index, end));
    begin.lastIndex = end;
  }
  return found;
}

/** Removes the given characters at the end of a text. */
export function trimmedEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}
