import { randomUUID } from 'node:crypto';

/** What Python's `json` writes and reads beyond JSON (RFC 8259 has no words for them). */
const words: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** One of the words, where a value may stand. */
const word = /(?<![\w.+-])(?:NaN|-?Infinity)(?![\w.+-]|\s{0,1000}:)/y;

/** Bytes that a list or object, and an item of one, take in memory, about. */
const weights = { container: 56, item: 24 };

const maxWeight = 256 * 1024 * 1024;

/** A text that would take too much memory; few characters may stand for an object. */
export class JsonTooLargeError extends SyntaxError {}

/** Nothing that is read here nests half as deep, and whoever walks through it may be given no more. */
const maxDepth = 200;

export interface JsonBounds {
  /** Lists and objects within each other, at most; 200 by default. */
  readonly maxDepth?: number | undefined;
  /** Bytes of memory, about, as `jsonWeight` counts them; 256 MiB by default. */
  readonly maxWeight?: number | undefined;
  /** Whether `NaN`, `Infinity` and `-Infinity` are numbers, as in Python; true by default. */
  readonly pythonWords?: boolean | undefined;
  /** Whether an object may have a name twice, of which the last counts; true by default. */
  readonly repeatedNames?: boolean | undefined;
}

/**
 * JSON that anyone may have written: everything of strangers goes through here. As Python's `json.loads` takes it:
 * `NaN`, `Infinity` and `-Infinity` are numbers. Config files, rows of data sets, results and servers written in Python
 * hold them. Throws `SyntaxError` as `JSON.parse` does, and for what nests too deep or, a
 * `JsonTooLargeError`, is made of too many parts. How long a text may be is for those who read it to say.
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

/** The words outside strings: where each begins and ends. */
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
  // Begins the strings that stand for the words; nothing a stranger wrote contains it.
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

/** Bytes that the lists and objects of a text take in memory, about; its strings take what it takes itself. */
export function jsonWeight(text: string): number {
  return checkDepth(text, Number.POSITIVE_INFINITY);
}

/** Looks at brackets and commas only, so that it stops where the text becomes too deep, whatever follows. */
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

/** Where the string that begins at `at` ends, or the text if it does not. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; ; end++) {
    end = text.indexOf('"', end);
    if (end === -1) return text.length;
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

/** Throws `SyntaxError` for an object that has a name twice; what else is wrong with the text is passed over. */
function checkNames(text: string): void {
  /** Names seen so far in each object around the current place; null stands for a list. */
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

/** Whether a colon follows, so that the string before it is a name. */
function isName(text: string, at: number): boolean {
  let next = at;
  while (/\s/.test(text.charAt(next))) next++;
  return text[next] === ':';
}
