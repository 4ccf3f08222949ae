import { controlEscapes } from './escapes.js';
import { pythonSpace } from './text.js';

/** What Python's `\d`, `\s` and `\w` cover, as the inside of a class. */
export const classEscapes = { d: '\\p{Nd}', s: pythonSpace, w: '\\p{L}\\p{N}_' } as const;

export const isClassEscape = (name: string): boolean => /^[dswDSW]$/.test(name);

/** Reads a class of a Python pattern, such as `[^\W\d-]`. */
export class ClassReader {
  readonly #source: string;
  readonly #start: number;
  #at: number;

  constructor(source: string, at: number) {
    this.#source = source;
    this.#start = at;
    this.#at = at + 1;
  }

  /** The class for an expression with the flag `v`, and the length of its source. Throws a `SyntaxError`. */
  read(): readonly [string, number] {
    const isNegated = this.#source[this.#at] === '^';
    if (isNegated) this.#at++;
    let items = '';
    // A bracket that comes first is one of the characters.
    for (let isFirst = true; isFirst || this.#source[this.#at] !== ']'; isFirst = false) {
      items += this.#item();
    }
    return [`[${isNegated ? '^' : ''}${items}]`, this.#at + 1 - this.#start];
  }

  #item(): string {
    const from = this.#member();
    if (from.length > 2 || this.#source[this.#at] !== '-' || this.#source[this.#at + 1] === ']') {
      return typeof from === 'string' && from.length > 2 ? from : coded(from);
    }
    this.#at++;
    const to = this.#member();
    if (to.length > 2) throw new SyntaxError('a range of a Python pattern ends with a character');
    return `${coded(from)}-${coded(to)}`;
  }

  /** A character, or what stands for many, which is longer. */
  #member(): string {
    if (this.#at >= this.#source.length) throw new SyntaxError('a class of a Python pattern does not end');
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    this.#at += char.length;
    if (char !== '\\') return char;
    const escaped = this.#source[this.#at++] ?? '';
    if (isClassEscape(escaped)) {
      const set = classEscapes[escaped.toLowerCase() as keyof typeof classEscapes];
      return escaped === escaped.toLowerCase() ? `[${set}]` : `[^${set}]`;
    }
    if (Object.hasOwn(controlEscapes, escaped)) return controlEscapes[escaped]!;
    const [hex] = /^(?:x[\da-f]{2}|u[\da-f]{4})/i.exec(this.#source.slice(this.#at - 1)) ?? [];
    if (hex) {
      this.#at += hex.length - 1;
      return String.fromCodePoint(Number.parseInt(hex.slice(1), 16));
    }
    if (/[a-z0-9]/i.test(escaped) || escaped === '') {
      throw new SyntaxError(`the escape \\${escaped} in a class of a Python pattern is not supported`);
    }
    return escaped;
  }
}

const coded = (char: string): string => `\\u{${char.codePointAt(0)!.toString(16)}}`;
