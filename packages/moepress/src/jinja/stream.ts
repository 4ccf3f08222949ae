import type { Token, TokenKind } from './lexer.js';
import { TemplateError } from './template-error.js';

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
