import { randomUUID } from 'node:crypto';

/** The constants that Python's `json` writes and reads beyond JSON (RFC 8259 has none of them). */
const words: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** Matches one of the constants where a value may be. */
const word = /(?<![\w.+-])(?:NaN|-?Infinity)(?![\w.+-]|\s{0,1000}:)/y;

/** Approximate bytes of memory for a list or object, and for one item of it. */
const weights = { container: 56, item: 24 };

const maxWeight = 256 * 1024 * 1024;

/** The error for a text whose value would take too much memory; a few characters may stand for an object. */
export class JsonTooLargeError extends SyntaxError {}

/** The default nesting limit: more than twice the depth of anything read here, and safe for recursive functions. */
const maxDepth = 200;

export interface JsonBounds {
  /** The deepest nesting of lists and objects that is accepted; 200 by default. */
  readonly maxDepth?: number | undefined;
  /** The most memory in bytes that the value may take, as `jsonWeight` estimates it; 256 MiB by default. */
  readonly maxWeight?: number | undefined;
  /** Whether `NaN`, `Infinity` and `-Infinity` are numbers, as in Python; true by default. */
  readonly pythonWords?: boolean | undefined;
  /** Whether an object may have the same key twice, the last of which counts; true by default. */
  readonly repeatedNames?: boolean | undefined;
}

/**
 * Parses untrusted JSON; every text that comes from outside is read by this function. It accepts what Python's
 * `json.loads` accepts: `NaN`, `Infinity` and `-Infinity` are numbers, since config files, rows of data sets, results
 * and servers written in Python contain them. Throws `SyntaxError` as `JSON.parse` does, also for a text that nests
 * too deep, and `JsonTooLargeError` for one with too many parts. The caller limits the length of the text.
 */
export function parseJson(text: string, bounds: JsonBounds = {}): unknown {
  const { pythonWords = true, repeatedNames = true } = bounds;
  const weight = checkDepth(text, bounds.maxDepth ?? maxDepth);
  const most = bounds.maxWeight ?? maxWeight;
  if (weight > most) throw new JsonTooLargeError(`It holds more than ${most} bytes of lists and objects`);
  if (!repeatedNames) checkNames(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    const found = pythonWords ? wordsIn(text) : [];
    if (found.length === 0) throw error;
    return parseWithWords(text, found);
  }
}

/** The constants outside strings: where each begins and ends. */
function wordsIn(text: string): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === 'N' || char === 'I' || char === '-') {
      word.lastIndex = at;
      const length = word.exec(text)?.[0].length ?? 0;
      if (length > 0) found.push([at, at + length]);
      at += Math.max(0, length - 1);
    }
  }
  return found;
}

function parseWithWords(text: string, found: readonly (readonly [number, number])[]): unknown {
  // Marks the strings that stand for the constants; the text does not contain it.
  const mark = randomUUID();
  const parts: string[] = [];
  let done = 0;
  for (const [begin, end] of found) {
    parts.push(text.slice(done, begin), `"${mark}${text.slice(begin, end)}"`);
    done = end;
  }
  parts.push(text.slice(done));
  return JSON.parse(parts.join(''), (_, value) =>
    typeof value === 'string' && value.startsWith(mark) ? words[value.slice(mark.length)] : value,
  );
}

const [quote, backslash, openList, openObject, closeList, closeObject, comma] = [...'"\\[{]},'].map((char) =>
  char.charCodeAt(0),
);

/** Approximate bytes of memory for the lists and objects of a text; its strings take as much as the text itself. */
export function jsonWeight(text: string): number {
  return checkDepth(text, Number.POSITIVE_INFINITY);
}

/** Throws for a text that nests too deep. It reads brackets and commas only and stops where the limit is passed. */
function checkDepth(text: string, most: number): number {
  let depth = 0;
  let weight = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === openList || code === openObject) {
      if (++depth > most) throw new SyntaxError(`Lists and objects nest deeper than ${most} levels`);
      weight += weights.container;
    } else if (code === closeList || code === closeObject) depth--;
    else if (code === comma) weight += weights.item;
  }
  return weight;
}

/** The end of the string that begins at `at`, or the end of the text if the string is not closed. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; ; end++) {
    end = text.indexOf('"', end);
    if (end === -1) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

/** Throws `SyntaxError` for an object with the same key twice; other faults of the text are ignored. */
function checkNames(text: string): void {
  /** The keys seen so far in each object around the current position; null stands for a list. */
  const around: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === openObject) around.push(new Set());
    else if (code === openList) around.push(null);
    else if (code === closeList || code === closeObject) around.pop();
    else if (code === quote) {
      const end = endOfString(text, at);
      const names = around.at(-1);
      if (names && isName(text, end + 1)) {
        const name = String(JSON.parse(text.slice(at, end + 1)));
        if (names.has(name)) throw new SyntaxError(`The name ${JSON.stringify(name)} occurs twice`);
        names.add(name);
      }
      at = end;
    }
  }
}

/** Whether a colon follows, so that the string before it is a key. */
function isName(text: string, at: number): boolean {
  let next = at;
  while (/\s/.test(text.charAt(next))) next++;
  return text[next] === ':';
}
