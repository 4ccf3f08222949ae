import { Evaluator, mostSteps } from './evaluate-expression.js';
import { globals } from './globals.js';
import { macroOf } from './macro.js';
import type { Expression, ForStatement, Statement, Target } from './nodes.js';
import { Loop, Scope } from './scope.js';
import { TemplateError } from './template-error.js';
import { maxLength, textOf } from './value-text.js';
import { Fields, isTrue, iterate, type Value } from './values.js';

/** How a body ended. */
export type Ending = 'end' | 'break' | 'continue';

/** Calls of macros and recursive loops within each other. */
const maxDepth = 100;

/** Renders a template once. */
export class Renderer {
  readonly evaluator: Evaluator;
  #length = 0;
  #depth = 0;

  /** `steps`: how many it may take; `isStrict`: whether what is undefined allows no use. */
  constructor(steps = mostSteps, isStrict = false) {
    this.evaluator = new Evaluator(steps, isStrict);
  }

  /** The text of a template for values by their names. Throws `TemplateError`. */
  render(body: readonly Statement[], context: Iterable<readonly [string, Value]>, now: Date): string {
    const out: string[] = [];
    this.run(body, new Scope(new Scope(null, globals(now)), context), out);
    return out.join('');
  }

  /** The text of a body that is run within another call. */
  nested(body: readonly Statement[], scope: Scope): string {
    if (++this.#depth > maxDepth) throw new TemplateError('calls are nested too deep');
    const out: string[] = [];
    this.run(body, scope, out);
    this.#depth--;
    return out.join('');
  }

  /** Writes what statements write, up to one that ends a turn of the loop around them. */
  run(body: readonly Statement[], scope: Scope, out: string[]): Ending {
    for (const statement of body) {
      this.evaluator.step();
      const ending = this.#statement(statement, scope, out);
      if (ending !== 'end') return ending;
    }
    return 'end';
  }

  #write(text: string, out: string[]): Ending {
    this.#length += text.length;
    if (this.#length > maxLength) throw new TemplateError('the text is too long');
    out.push(text);
    return 'end';
  }

  #statement(node: Statement, scope: Scope, out: string[]): Ending {
    const of = (inner: Expression) => this.evaluator.value(inner, scope);
    switch (node.kind) {
      case 'data':
        return this.#write(node.text, out);
      case 'output':
        return this.#write(textOf(of(withoutMark(node.of))), out);
      case 'if': {
        const branch = node.branches.find(([test]) => isTrue(of(test)));
        return this.run(branch ? branch[1] : node.otherwise, scope, out);
      }
      case 'for':
        return this.#write(this.loop(node, of(node.of), scope, 0), out);
      case 'break':
      case 'continue':
        return node.kind;
      case 'set':
        assign(node.target, of(node.value), scope);
        return 'end';
      case 'set-block': {
        const written: string[] = [];
        const ending = this.run(node.body, new Scope(scope), written);
        if (ending !== 'end') return ending;
        const text = written.join('');
        assign(node.target, node.filter ? this.#filterChain(node.filter, text, scope) : text, scope);
        return 'end';
      }
      case 'macro':
        scope.set(node.name, macroOf(node, scope, this));
        return 'end';
      case 'call-block': {
        const caller = macroOf({ ...node, name: 'caller' }, scope, this);
        if (node.call.kind !== 'call') throw new TemplateError('a call block calls');
        const [positional, named] = this.evaluator.arguments(node.call.arguments, scope);
        named.set('caller', caller);
        return this.#write(textOf(this.evaluator.call(of(node.call.of), positional, named)), out);
      }
      case 'filter-block': {
        const written: string[] = [];
        const ending = this.run(node.body, new Scope(scope), written);
        if (ending !== 'end') return ending;
        return this.#write(textOf(this.#filterChain(node.filter, written.join(''), scope)), out);
      }
      case 'with': {
        const inner = new Scope(scope);
        for (const [target, value] of node.assignments) assign(target, of(value), inner);
        return this.run(node.body, inner, out);
      }
      case 'scope':
        return this.#write(this.nested(node.body, new Scope(scope)), out);
    }
  }

  /** Filters whose innermost has no operand, on a text. */
  #filterChain(node: Expression, text: string, scope: Scope): Value {
    if (node.kind !== 'filter') throw new TemplateError('a filter is needed');
    const value = node.of ? this.#filterChain(node.of, text, scope) : text;
    return this.evaluator.filtered(node, value, scope);
  }

  /** The text of a loop over `items`, `depth` loops within itself. */
  loop(node: ForStatement, items: Value, scope: Scope, depth: number): string {
    if (depth > maxDepth) throw new TemplateError('a loop is nested too deep');
    const passed = Array.from(iterate(items)).filter((one) => {
      this.evaluator.step();
      if (node.test === null) return true;
      const inner = new Scope(scope);
      assign(node.target, one, inner);
      return isTrue(this.evaluator.value(node.test, inner));
    });
    const out: string[] = [];
    const again = node.recursive ? (inner: Value) => this.loop(node, inner, scope, depth + 1) : null;
    const loop = new Loop(passed, depth, again);
    let reachedEnd = false;
    for (const [i, one] of passed.entries()) {
      // What is set within a turn is forgotten after it.
      const inner = new Scope(scope, [['loop', loop.at(i)]]);
      assign(node.target, one, inner);
      const ending = this.run(node.body, inner, out);
      reachedEnd ||= ending === 'end';
      if (ending === 'break') break;
    }
    // As jinja2 has it: also where every turn was left early.
    if (!reachedEnd) this.run(node.otherwise, new Scope(scope), out);
    return out.join('');
  }
}

/** A text that is marked as safe is written like any other. */
function withoutMark(node: Expression): Expression {
  return node.kind === 'filter' && node.name === 'safe' && node.of ? withoutMark(node.of) : node;
}

/** Throws `TemplateError` for other numbers of values than of names, and for fields of what is no namespace. */
function assign(target: Target, value: Value, scope: Scope): void {
  if (target.kind === 'name') scope.set(target.name, value);
  else if (target.kind === 'field') {
    const of = scope.get(target.of);
    if (!(of instanceof Fields) || of.kind !== 'namespace') {
      throw new TemplateError('only fields of a namespace can be assigned');
    }
    of.fields.set(target.name, value);
  } else {
    const values = [...iterate(value)];
    if (values.length !== target.items.length) {
      throw new TemplateError(`${values.length} values do not fit ${target.items.length} names`);
    }
    for (const [i, inner] of target.items.entries()) assign(inner, values[i]!, scope);
  }
}
