import { stringEscapes } from './escapes.js';

/** A value that `ast.literal_eval` gives; tuples and sets are lists here. */
export type Literal = null | boolean | number | bigint | string | Literal[] | { [key: string]: Literal };

/** Lists within each other; deeper ones would take the stack. */
const maxDepth = 100;

const tokens =
  /\s*(?:([rRuUbB]{0,2})('''[^\\]*?(?:\\[\s\S][^\\]*?)*'''|"""[^\\]*?(?:\\[\s\S][^\\]*?)*"""|'[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'|"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*")|((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][-+]?\d+)?)|(None|True|False)\b|([[\](){},:+-]))\s*/y;

interface Token {
  readonly kind: 'text' | 'number' | 'word' | 'sign';
  readonly text: string;
}

/**
 * `ast.literal_eval(source)` for texts, numbers, None, True, False, and lists, tuples, sets and dictionaries of them.
 * Throws a `SyntaxError` for anything else.
 */
export function literalEval(source: string): Literal {
  const reader = new LiteralReader(tokenized(source.replace(/^[ \t]+/, '')));
  return reader.whole();
}

function tokenized(source: string): Token[] {
  const found: Token[] = [];
  tokens.lastIndex = 0;
  while (tokens.lastIndex < source.length) {
    const at = tokens.lastIndex;
    const match = tokens.exec(source);
    if (!match) throw new SyntaxError(`${JSON.stringify(source.slice(at, at + 20))} is no Python literal`);
    const [, prefix = '', text, number, word, sign] = match;
    if (text !== undefined) found.push({ kind: 'text', text: textOf(prefix.toLowerCase(), text) });
    else if (number !== undefined) found.push({ kind: 'number', text: number });
    else if (word !== undefined) found.push({ kind: 'word', text: word });
    else found.push({ kind: 'sign', text: sign! });
  }
  return found;
}

function textOf(prefix: string, quoted: string): string {
  if (prefix.includes('b')) throw new SyntaxError('bytes are no text');
  const marks = /^('''|""")/.test(quoted) ? 3 : 1;
  const inner = quoted.slice(marks, -marks);
  if (prefix.includes('r')) return inner;
  return inner.replace(
    /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}|[\s\S])/g,
    (whole, name: string) => {
      if (Object.hasOwn(stringEscapes, name)) return stringEscapes[name]!;
      if (/^[0-7]/.test(name)) return String.fromCodePoint(Number.parseInt(name, 8));
      if (name.length > 1) return String.fromCodePoint(Number.parseInt(name.slice(1), 16));
      if (/[xuUN]/.test(name)) throw new SyntaxError(`the escape ${whole} is not whole`);
      return whole;
    },
  );
}

const closing: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };

class LiteralReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(found: readonly Token[]) {
    this.#tokens = found;
  }

  whole(): Literal {
    const value = this.#value(0);
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return value;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`unexpected ${this.#tokens[this.#at]?.text ?? 'end'} in a Python literal`);
  }

  #takes(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at++;
    return true;
  }

  #value(depth: number): Literal {
    if (depth > maxDepth) throw new SyntaxError('a Python literal nests too deep');
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'text') return this.#texts(token.text);
    if (token?.kind === 'number') return numberOf(token.text);
    if (token?.kind === 'word') return token.text === 'None' ? null : token.text === 'True';
    if (token?.text === '-' || token?.text === '+') {
      const value = this.#value(depth + 1);
      if (typeof value !== 'number' && typeof value !== 'bigint') throw this.#unexpected();
      return token.text === '-' ? -value : value;
    }
    if (token && Object.hasOwn(closing, token.text)) return this.#group(token.text, depth + 1);
    this.#at--;
    throw this.#unexpected();
  }

  /** Texts one after the other are one. */
  #texts(first: string): string {
    let text = first;
    for (let next = this.#tokens[this.#at]; next?.kind === 'text'; next = this.#tokens[++this.#at]) {
      text += next.text;
    }
    return text;
  }

  #group(open: string, depth: number): Literal {
    const close = closing[open]!;
    const items: Literal[] = [];
    const pairs: [string, Literal][] = [];
    let commas = 0;
    while (!this.#takes(close)) {
      const item = this.#value(depth);
      if (open === '{' && this.#takes(':')) pairs.push([String(item), this.#value(depth)]);
      else items.push(item);
      if (this.#takes(',')) commas++;
      else if (!this.#takes(close)) throw this.#unexpected();
      else break;
    }
    if (pairs.length > 0 && items.length > 0) throw new SyntaxError('a dictionary is made of pairs');
    if (open === '{' && items.length === 0) return Object.fromEntries(pairs);
    // Brackets around a single value without a comma are only brackets.
    return open === '(' && items.length === 1 && commas === 0 ? items[0]! : items;
  }
}

function numberOf(text: string): number | bigint {
  const digits = text.replaceAll('_', '');
  if (!/^\d+$/.test(digits)) return Number(digits);
  if (/^0\d/.test(digits) && !/^0+$/.test(digits)) throw new SyntaxError('an integer begins with no zero');
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}
