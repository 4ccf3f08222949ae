import { ExpressionParser } from './expressions.js';
import { TokenStream, tokenize } from './lexer.js';
import type { Expression, Parameter, Statement, Target } from './nodes.js';
import { TemplateError } from './template-error.js';

/** Statements nested deeper than any template has them would take the stack. */
const maxDepth = 100;

/** What a template says. Throws `TemplateError` for what jinja2 does not know, or is not known here. */
export function parseTemplate(template: string, keepsBlanks = false): Statement[] {
  const stream = new TokenStream(tokenize(template, keepsBlanks));
  const parser = new StatementParser(stream);
  const body = parser.body([]);
  stream.expect('eof');
  return body;
}

const namesOf = (target: Target): string[] =>
  target.kind === 'tuple' ? target.items.flatMap(namesOf) : [target.name];

class StatementParser {
  readonly #stream: TokenStream;
  readonly #expressions: ExpressionParser;
  #depth = 0;
  /** Loops around the place, whose turn `break` and `continue` end. */
  #loops = 0;

  constructor(stream: TokenStream) {
    this.#stream = stream;
    this.#expressions = new ExpressionParser(stream);
  }

  /** Statements up to one that begins with one of `ends`, whose name is next, or to the end of the template. */
  body(ends: readonly string[]): Statement[] {
    const stream = this.#stream;
    if (++this.#depth > maxDepth) throw stream.unexpected('fewer nested statements');
    const body: Statement[] = [];
    while (!stream.is('eof')) {
      if (stream.is('data')) body.push({ kind: 'data', text: stream.next().text });
      else if (stream.expect('begin').text === '{') {
        body.push({ kind: 'output', of: this.#expressions.tuple() });
        stream.expect('end', '{');
      } else {
        if (stream.isName(...ends)) break;
        body.push(...this.#statement());
        stream.expect('end', '%');
      }
    }
    if (ends.length > 0 && stream.is('eof')) throw stream.unexpected(ends.at(-1)!);
    this.#depth--;
    return body;
  }

  /** The body of a statement up to the one that ends it, which is passed over. */
  #block(...ends: readonly string[]): Statement[] {
    this.#stream.skip('operator', ':');
    this.#stream.expect('end', '%');
    return this.body(ends);
  }

  #whole(end: string): Statement[] {
    const body = this.#block(end);
    this.#stream.next();
    return body;
  }

  #statement(): Statement[] {
    const stream = this.#stream;
    const { text, line } = stream.expect('name');
    switch (text) {
      case 'if':
        return [this.#if()];
      case 'for':
        return [this.#for()];
      case 'set':
        return [this.#set()];
      case 'macro':
        return [this.#macro()];
      case 'call':
        return [this.#call()];
      case 'with':
        return [this.#with()];
      case 'filter': {
        const filter = this.#expressions.filters(null, true)!;
        return [{ kind: 'filter-block', filter, body: this.#whole('endfilter') }];
      }
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw new TemplateError(`"${text}" stands outside of a loop in line ${line}`);
        return [{ kind: text }];
      // What transformers adds to mark the words of the assistant, which are written like any others.
      case 'generation':
        return [{ kind: 'scope', body: this.#apart(() => this.#whole('endgeneration')) }];
      case 'print':
        return this.#print();
      default:
        throw new TemplateError(`the statement "${text}" in line ${line} is not known`);
    }
  }

  #if(): Statement {
    const stream = this.#stream;
    const branches: [Expression, Statement[]][] = [];
    let otherwise: Statement[] = [];
    for (;;) {
      const test = this.#expressions.tuple({ choices: false });
      branches.push([test, this.#block('elif', 'else', 'endif')]);
      const next = stream.next().text;
      if (next === 'elif') continue;
      if (next === 'else') otherwise = this.#whole('endif');
      return { kind: 'if', branches, otherwise };
    }
  }

  #for(): Statement {
    const stream = this.#stream;
    const target = this.#target(['in']);
    if (namesOf(target).includes('loop')) throw stream.unexpected('another name than "loop"');
    stream.expect('name', 'in');
    const of = this.#expressions.tuple({ choices: false, ends: ['recursive'] });
    const test = stream.skip('name', 'if') ? this.#expressions.expression() : null;
    const recursive = stream.skip('name', 'recursive');
    this.#loops++;
    const body = this.#block('endfor', 'else');
    this.#loops--;
    const otherwise = stream.next().text === 'else' ? this.#whole('endfor') : [];
    return { kind: 'for', target, of, test, recursive, body, otherwise };
  }

  #set(): Statement {
    const target = this.#target([], true);
    if (this.#stream.skip('operator', '=')) return { kind: 'set', target, value: this.#expressions.tuple() };
    const filter = this.#expressions.filters(null);
    return { kind: 'set-block', target, filter, body: this.#whole('endset') };
  }

  #macro(): Statement {
    const name = this.#stream.expect('name').text;
    const parameters = this.#parameters();
    return { kind: 'macro', name, parameters, body: this.#apart(() => this.#whole('endmacro')) };
  }

  #call(): Statement {
    const parameters = this.#stream.is('operator', '(') ? this.#parameters() : [];
    const call = this.#expressions.expression();
    if (call.kind !== 'call') throw this.#stream.unexpected('a call');
    return { kind: 'call-block', parameters, call, body: this.#apart(() => this.#whole('endcall')) };
  }

  /** The body of a function of its own, which ends no loop around it. */
  #apart<Result>(parse: () => Result): Result {
    const loops = this.#loops;
    this.#loops = 0;
    const result = parse();
    this.#loops = loops;
    return result;
  }

  #with(): Statement {
    const assignments: [Target, Expression][] = [];
    while (!this.#stream.is('end')) {
      if (assignments.length > 0) this.#stream.expect('operator', ',');
      const target = this.#target([]);
      this.#stream.expect('operator', '=');
      assignments.push([target, this.#expressions.expression()]);
    }
    return { kind: 'with', assignments, body: this.#whole('endwith') };
  }

  #print(): Statement[] {
    const parts: Statement[] = [];
    while (!this.#stream.is('end')) {
      if (parts.length > 0) this.#stream.expect('operator', ',');
      parts.push({ kind: 'output', of: this.#expressions.expression() });
    }
    return parts;
  }

  #parameters(): Parameter[] {
    const stream = this.#stream;
    const parameters: Parameter[] = [];
    stream.expect('operator', '(');
    while (!stream.is('operator', ')')) {
      if (parameters.length > 0) stream.expect('operator', ',');
      const name = stream.expect('name').text;
      const fallback = stream.skip('operator', '=') ? this.#expressions.expression() : null;
      if (fallback === null && parameters.at(-1)?.fallback) throw stream.unexpected('"="');
      parameters.push({ name, fallback });
    }
    stream.expect('operator', ')');
    return parameters;
  }

  /** A name, or several; `fields`: also one of a namespace. */
  #target(ends: readonly string[], fields = false): Target {
    const stream = this.#stream;
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      items.push(this.#oneTarget(ends, fields));
      if (!stream.skip('operator', ',')) break;
      isTuple = true;
      if (stream.is('end') || stream.is('operator', '=') || stream.isName(...ends)) break;
    }
    return isTuple ? { kind: 'tuple', items } : items[0]!;
  }

  #oneTarget(ends: readonly string[], fields: boolean): Target {
    const stream = this.#stream;
    if (stream.skip('operator', '(')) {
      const inner = this.#target([...ends], fields);
      stream.expect('operator', ')');
      return inner;
    }
    const { text, line } = stream.expect('name');
    if (['true', 'false', 'none', 'True', 'False', 'None'].includes(text)) {
      throw new TemplateError(`"${text}" cannot be assigned to in line ${line}`);
    }
    if (fields && stream.skip('operator', '.')) {
      return { kind: 'field', of: text, name: stream.expect('name').text };
    }
    return { kind: 'name', name: text };
  }
}
