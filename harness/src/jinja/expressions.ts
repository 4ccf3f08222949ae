import { floatOf, integerOf, stringOf, type TokenStream } from './lexer.js';
import type { Arguments, Comparison, Expression } from './nodes.js';

/** Expressions nested deeper than any template has them would take the stack. */
const maxDepth = 200;

const constants: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

const noArguments: Arguments = { positional: [], named: [], rest: null, namedRest: null };

/** Reads expressions with the precedence that jinja2 gives its operators, which is not quite Python's. */
export class ExpressionParser {
  readonly #stream: TokenStream;
  #depth = 0;

  constructor(stream: TokenStream) {
    this.#stream = stream;
  }

  /** `value if test else otherwise`, or what binds closer. */
  expression(): Expression {
    if (++this.#depth > maxDepth) throw this.#stream.unexpected('fewer nested expressions');
    let value = this.or();
    while (this.#stream.skip('name', 'if')) {
      const test = this.or();
      const otherwise = this.#stream.skip('name', 'else') ? this.expression() : null;
      value = { kind: 'choice', test, value, otherwise };
    }
    this.#depth--;
    return value;
  }

  /** One expression, or several with commas between them, which make a tuple. `choices`: whether `if` belongs to them. */
  tuple({ choices = true, ends = [] as readonly string[], empty = false } = {}): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    while (!this.#endsTuple(ends)) {
      items.push(choices ? this.expression() : this.or());
      if (!this.#stream.skip('operator', ',')) break;
      isTuple = true;
    }
    if (items.length === 1 && !isTuple) return items[0]!;
    if (items.length === 0 && !empty) throw this.#stream.unexpected('an expression');
    return { kind: 'tuple', items };
  }

  #endsTuple(ends: readonly string[]): boolean {
    return this.#stream.is('end') || this.#stream.is('operator', ')') || this.#stream.isName(...ends);
  }

  or(): Expression {
    let left = this.#and();
    while (this.#stream.skip('name', 'or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#stream.skip('name', 'and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    let times = 0;
    while (this.#stream.skip('name', 'not')) times++;
    let of = this.#compare();
    for (; times > 0; times--) of = { kind: 'not', of };
    return of;
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: Comparison[] = [];
    for (;;) {
      const operator = this.#comparison();
      if (operator === null) break;
      rest.push({ operator, with: this.#sum() });
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  #comparison(): string | null {
    const stream = this.#stream;
    const { kind, text } = stream.peek();
    if (kind === 'operator' && ['==', '!=', '<', '<=', '>', '>='].includes(text)) return stream.next().text;
    if (stream.skip('name', 'in')) return 'in';
    if (!stream.isName('not') || stream.peek(1).text !== 'in') return null;
    stream.next();
    stream.next();
    return 'not in';
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#join());
  }

  /** The tilde binds closer than plus and minus. */
  #join(): Expression {
    const of = [this.#product()];
    while (this.#stream.skip('operator', '~')) of.push(this.#product());
    return of.length === 1 ? of[0]! : { kind: 'join', of };
  }

  #product(): Expression {
    return this.#binary(['*', '/', '//', '%'], () => this.#power());
  }

  #power(): Expression {
    return this.#binary(['**'], () => this.#unary(true));
  }

  #binary(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.#stream.peek().kind === 'operator' && operators.includes(this.#stream.peek().text)) {
      const operator = this.#stream.next().text;
      left = { kind: 'arithmetic', operator, left, right: operand() };
    }
    return left;
  }

  /** A sign binds closer than a filter: `-1|abs` is `(-1)|abs`. */
  #unary(filters: boolean): Expression {
    if (++this.#depth > maxDepth) throw this.#stream.unexpected('fewer nested expressions');
    let value: Expression;
    if (this.#stream.skip('operator', '-')) value = { kind: 'negative', of: this.#unary(false) };
    else if (this.#stream.skip('operator', '+')) value = { kind: 'positive', of: this.#unary(false) };
    else value = this.#primary();
    this.#depth--;
    value = this.#postfix(value);
    return filters ? this.#filtersAndTests(value) : value;
  }

  #primary(): Expression {
    const stream = this.#stream;
    const { kind, text } = stream.peek();
    if (kind === 'operator' && text === '(') {
      stream.next();
      const inner = this.tuple({ empty: true });
      stream.expect('operator', ')');
      return inner;
    }
    if (kind === 'operator' && text === '[')
      return { kind: 'list', items: this.#items('[', ']', () => this.expression()) };
    if (kind === 'operator' && text === '{') {
      const pairs = this.#items('{', '}', () => {
        const key = this.expression();
        stream.expect('operator', ':');
        return [key, this.expression()] as const;
      });
      return { kind: 'dict', pairs };
    }
    return this.#literal();
  }

  #literal(): Expression {
    const stream = this.#stream;
    const { kind, text } = stream.peek();
    switch (kind) {
      case 'name':
        stream.next();
        return Object.hasOwn(constants, text)
          ? { kind: 'constant', value: constants[text]! }
          : { kind: 'name', name: text };
      case 'string': {
        let value = '';
        while (stream.is('string')) value += stringOf(stream.next().text);
        return { kind: 'constant', value };
      }
      case 'integer':
        stream.next();
        return { kind: 'constant', value: integerOf(text) };
      case 'float':
        stream.next();
        return { kind: 'constant', value: floatOf(text) };
      default:
        throw stream.unexpected('an expression');
    }
  }

  /** What stands between brackets with commas; one may stand at the end. */
  #items<Item>(open: string, close: string, item: () => Item): Item[] {
    const items: Item[] = [];
    this.#stream.expect('operator', open);
    while (!this.#stream.is('operator', close)) {
      items.push(item());
      if (!this.#stream.skip('operator', ',')) break;
    }
    this.#stream.expect('operator', close);
    return items;
  }

  #postfix(first: Expression): Expression {
    let value = first;
    for (;;) {
      if (this.#stream.skip('operator', '.')) value = this.#afterDot(value);
      else if (this.#stream.is('operator', '[')) value = this.#subscript(value);
      else if (this.#stream.is('operator', '('))
        value = { kind: 'call', of: value, arguments: this.arguments() };
      else return value;
    }
  }

  #afterDot(of: Expression): Expression {
    if (this.#stream.is('name')) return { kind: 'attribute', of, name: this.#stream.next().text };
    const key = integerOf(this.#stream.expect('integer').text);
    return { kind: 'item', of, key: { kind: 'constant', value: key } };
  }

  #subscript(of: Expression): Expression {
    const keys = this.#items('[', ']', () => this.#subscribed());
    if (keys.length === 1) return { kind: 'item', of, key: keys[0]! };
    return { kind: 'item', of, key: { kind: 'tuple', items: keys } };
  }

  #subscribed(): Expression {
    const stream = this.#stream;
    const isEmpty = () => [':', ',', ']'].some((text) => stream.is('operator', text));
    const start = isEmpty() ? null : this.expression();
    if (!stream.skip('operator', ':')) {
      if (start === null) throw stream.unexpected('an expression');
      return start;
    }
    const stop = isEmpty() ? null : this.expression();
    const step = stream.skip('operator', ':') && !isEmpty() ? this.expression() : null;
    return { kind: 'slice', parts: [start, stop, step] };
  }

  #filtersAndTests(first: Expression): Expression {
    let value = first;
    for (;;) {
      if (this.#stream.is('operator', '|')) value = this.filters(value)!;
      else if (this.#stream.skip('name', 'is')) value = this.#test(value);
      else if (this.#stream.is('operator', '('))
        value = { kind: 'call', of: value, arguments: this.arguments() };
      else return value;
    }
  }

  /** `|name(...)`, as many as there are; `bare`: the first without its bar. */
  filters(first: Expression | null, bare = false): Expression | null {
    let of = first;
    for (let isBare = bare; isBare || this.#stream.skip('operator', '|'); isBare = false) {
      const name = this.#dottedName();
      of = { kind: 'filter', of, name, arguments: this.#optionalArguments() };
    }
    return of;
  }

  #test(of: Expression): Expression {
    const stream = this.#stream;
    const isNegated = stream.skip('name', 'not');
    const name = this.#dottedName();
    let given = this.#optionalArguments();
    if (given === noArguments && this.#beginsArgument()) {
      if (stream.isName('is')) throw stream.unexpected('one test at a time');
      given = { ...noArguments, positional: [this.#postfix(this.#primary())] };
    }
    const test: Expression = { kind: 'test', of, name, arguments: given };
    return isNegated ? { kind: 'not', of: test } : test;
  }

  /** Whether an argument without brackets follows a test. */
  #beginsArgument(): boolean {
    const { kind, text } = this.#stream.peek();
    if (kind === 'name') return !['else', 'or', 'and'].includes(text);
    return (
      ['string', 'integer', 'float'].includes(kind) || (kind === 'operator' && ['[', '{'].includes(text))
    );
  }

  #dottedName(): string {
    let name = this.#stream.expect('name').text;
    while (this.#stream.skip('operator', '.')) name += `.${this.#stream.expect('name').text}`;
    return name;
  }

  #optionalArguments(): Arguments {
    return this.#stream.is('operator', '(') ? this.arguments() : noArguments;
  }

  arguments(): Arguments {
    const stream = this.#stream;
    const positional: Expression[] = [];
    const named: [string, Expression][] = [];
    let rest: Expression | null = null;
    let namedRest: Expression | null = null;
    this.#items('(', ')', () => {
      if (namedRest) throw stream.unexpected('")"');
      if (stream.skip('operator', '**')) namedRest = this.expression();
      else if (stream.is('operator', '*') && rest === null) {
        stream.next();
        rest = this.expression();
      } else if (stream.is('name') && stream.peek(1).kind === 'operator' && stream.peek(1).text === '=') {
        const name = stream.next().text;
        stream.next();
        named.push([name, this.expression()]);
      } else {
        if (rest || named.length > 0) throw stream.unexpected('an argument with a name');
        positional.push(this.expression());
      }
    });
    return { positional, named, rest, namedRest };
  }
}
