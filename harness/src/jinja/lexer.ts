import { stringEscapes } from '../python/escapes.js';
import { pythonSpace, rstrip } from '../python/text.js';
import { TemplateError } from './template-error.js';

export type TokenKind =
  | 'data'
  | 'begin'
  | 'end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'eof';

export interface Token {
  readonly kind: TokenKind;
  /** For `begin` and `end`, the brace: `{` for an expression, `%` for a statement. */
  readonly text: string;
  readonly line: number;
}

const s = `[${pythonSpace}]`;

/** Where text ends: a raw block, or one of the three tags with what stands at its beginning. */
const tagStart = new RegExp(`\\{%([-+]?)${s}*raw${s}*(?:-%\\}${s}*|%\\})|\\{([%{#])([-+]?)`, 'g');

/** Ends of tags, with the blanks that go with them; `newline` matches the line break that goes. */
const endsWith = (newline: string) => ({
  rawEnd: new RegExp(`\\{%([-+]?)${s}*endraw${s}*(?:\\+%\\}|-%\\}${s}*|%\\}${newline})`, 'g'),
  commentEnd: new RegExp(`\\+#\\}|-#\\}${s}*|#\\}${newline}`, 'g'),
  statementEnds: new RegExp(`\\+%\\}|-%\\}${s}*|%\\}${newline}`, 'y'),
});
const trimmed = endsWith('\\n?');
const kept = endsWith('');
const expressionEnds = new RegExp(`-\\}\\}${s}*|\\}\\}`, 'y');

const blank = new RegExp(`${s}+`, 'y');
const onlyBlanks = new RegExp(`^${s}+$`);

const digits = '\\d(?:_?\\d)*';
const rules: readonly (readonly [TokenKind, RegExp])[] = [
  ['float', new RegExp(`(?<!\\.)${digits}(?:(?:\\.${digits})?e[+-]?${digits}|\\.${digits})`, 'iy')],
  ['integer', /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ['name', /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy],
  ['string', /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y],
  ['operator', /\/\/|\*\*|[=!<>]=|[-+*/%~[\](){}<>=.:|,;]/y],
];

const closing: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

/**
 * The tokens of a template. Blanks around tags go as jinja2 has it with `trim_blocks` and `lstrip_blocks`, as
 * transformers sets it up: the line break after a statement, blanks before one that begins its line, and all next to
 * a minus; a single line break at the end goes too. With `keepsBlanks` only those next to a minus go, as without these
 * settings and with `keep_trailing_newline`. Throws `TemplateError`.
 */
export function tokenize(template: string, keepsBlanks = false): Token[] {
  const lines = template.replace(/\r\n?/g, '\n');
  const source = keepsBlanks ? lines : lines.replace(/\n$/, '');
  const { statementEnds, rawEnd, commentEnd } = keepsBlanks ? kept : trimmed;
  const ends = { '%': statementEnds, '{': expressionEnds };
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  /** Whether what comes next begins a line. */
  let fresh = true;

  const push = (kind: TokenKind, text: string) => tokens.push({ kind, text, line });
  const advance = (to: number) => {
    for (let i = at; i < to; i++) if (source[i] === '\n') line++;
    fresh = to > at ? source[to - 1] === '\n' : fresh;
    at = to;
  };
  const search = (pattern: RegExp, from: number) => {
    pattern.lastIndex = from;
    return pattern.exec(source);
  };
  /** Text before a tag, without the blanks that the tag takes. */
  const data = (text: string, sign: string, isExpression: boolean) => {
    let rest = text;
    if (sign === '-') rest = rstrip(text);
    else if (sign !== '+' && !isExpression && !keepsBlanks) {
      const start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || fresh) && onlyBlanks.test(text.slice(start))) rest = text.slice(0, start);
    }
    if (rest !== '') push('data', rest);
  };

  const inside = (brace: '%' | '{') => {
    const open: string[] = [];
    while (at < source.length) {
      const end = open.length === 0 ? search(ends[brace], at) : null;
      if (end) {
        push('end', brace);
        advance(at + end[0].length);
        return;
      }
      const space = search(blank, at);
      if (space) {
        advance(at + space[0].length);
        continue;
      }
      const found = rules.flatMap(([kind, pattern]) => {
        const match = search(pattern, at);
        return match ? [[kind, match[0]] as const] : [];
      })[0];
      if (!found) throw new TemplateError(`unexpected ${JSON.stringify(source[at])} in line ${line}`);
      const [kind, text] = found;
      if (kind === 'operator') balance(open, text, line);
      push(kind, text);
      advance(at + text.length);
    }
    throw new TemplateError(`a tag does not end in line ${line}`);
  };

  while (at < source.length) {
    const tag = search(tagStart, at);
    if (!tag) {
      push('data', source.slice(at));
      break;
    }
    const [whole, rawSign, brace, sign = ''] = tag;
    const isRaw = brace === undefined;
    data(source.slice(at, tag.index), isRaw ? rawSign! : sign, brace === '{');
    advance(tag.index + whole.length);
    if (isRaw || brace === '#') {
      // One that begins where the template ends is nothing, in jinja2 too.
      if (at >= source.length) break;
      const end = search(isRaw ? rawEnd : commentEnd, at);
      if (!end) throw new TemplateError(`a ${isRaw ? 'raw block' : 'comment'} does not end in line ${line}`);
      if (isRaw) data(source.slice(at, end.index), end[1]!, false);
      advance(end.index + end[0].length);
    } else {
      push('begin', brace!);
      inside(brace as '%' | '{');
    }
  }
  push('eof', '');
  return tokens;
}

/** Brackets that are open: within them braces end nothing. */
function balance(open: string[], text: string, line: number): void {
  if (Object.hasOwn(closing, text)) open.push(closing[text]!);
  else if (Object.values(closing).includes(text) && open.pop() !== text) {
    throw new TemplateError(`unexpected "${text}" in line ${line}`);
  }
}

/** The value of a string literal, its quotes about it, with Python's escapes. Throws `TemplateError` for broken ones. */
export function stringOf(literal: string): string {
  return literal
    .slice(1, -1)
    .replace(/\\(x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8}|[0-7]{1,3}|[\s\S])/gi, (whole, word: string) => {
      if (Object.hasOwn(stringEscapes, word)) return stringEscapes[word]!;
      if (/^[0-7]/.test(word)) return String.fromCodePoint(Number.parseInt(word, 8));
      if (word.length > 1) {
        const code = Number.parseInt(word.slice(1), 16);
        if (code > 0x10ffff) throw new TemplateError(`there is no character ${whole}`);
        return String.fromCodePoint(code);
      }
      // Of these Python wants digits, and names of characters; of others it keeps the backslash.
      if (/[xuUN]/.test(word)) throw new TemplateError(`the escape ${whole} is not whole`);
      return whole;
    });
}

export const integerOf = (literal: string): bigint => BigInt(literal.replaceAll('_', '').toLowerCase());

export const floatOf = (literal: string): number => Number(literal.replaceAll('_', ''));

/** Tokens with a place in them. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  /** The token `ahead` of the place; at the end of the template that of the end. */
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  is(kind: TokenKind, text?: string): boolean {
    const token = this.peek();
    return token.kind === kind && (text === undefined || token.text === text);
  }

  /** Whether the place is at one of these names. */
  isName(...names: readonly string[]): boolean {
    const token = this.peek();
    return token.kind === 'name' && names.includes(token.text);
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  skip(kind: TokenKind, text?: string): boolean {
    if (!this.is(kind, text)) return false;
    this.#at++;
    return true;
  }

  /** Throws `TemplateError` unless this token is next. */
  expect(kind: TokenKind, text?: string): Token {
    if (this.is(kind, text)) return this.next();
    throw this.unexpected(text ?? kind);
  }

  unexpected(wanted: string): TemplateError {
    const { kind, text, line } = this.peek();
    const found = kind === 'eof' ? 'the end' : JSON.stringify(text);
    return new TemplateError(`expected ${wanted}, not ${found}, in line ${line}`);
  }
}
