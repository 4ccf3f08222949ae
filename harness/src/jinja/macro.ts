import { or } from './arguments.js';
import type { Expression, Parameter, Statement } from './nodes.js';
import { Scope } from './scope.js';
import { TemplateError } from './template-error.js';
import { Dict, Fields, type Named, Tuple, Undefined, type Value } from './values.js';

export interface Macro {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** What renders the bodies of macros. */
export interface MacroRenderer {
  /** The text of statements. */
  nested(body: readonly Statement[], scope: Scope): string;
  readonly evaluator: { value(expression: Expression, scope: Scope): Value };
}

/** Names that a macro has where its body speaks of them. */
const special = ['varargs', 'kwargs', 'caller'] as const;

/**
 * A macro, which sees what is around its definition. Throws `TemplateError` when called with more than it takes:
 * others only where its body uses `varargs`, `kwargs` or `caller`.
 */
export function macroOf({ name, parameters, body }: Macro, around: Scope, renderer: MacroRenderer): Fields {
  const own = parameters.map((parameter) => parameter.name);
  const uses = new Set(special.filter((word) => !own.includes(word) && mentions(body, word)));
  const call = (positional: readonly Value[], named: Named): string => {
    const scope = new Scope(around);
    const left = new Map(named);
    for (const [i, parameter] of parameters.entries()) {
      const given = positional[i] === undefined ? left.get(parameter.name) : positional[i];
      if (positional[i] !== undefined && left.has(parameter.name)) {
        throw new TemplateError(`${name} got two values for "${parameter.name}"`);
      }
      left.delete(parameter.name);
      scope.set(parameter.name, given === undefined ? fallback(parameter, scope, renderer) : given);
    }
    if (uses.has('caller')) scope.set('caller', or(left.get('caller'), new Undefined('caller')));
    if (uses.has('caller')) left.delete('caller');
    if (uses.has('kwargs')) scope.set('kwargs', new Dict(left));
    else if (left.size > 0) throw new TemplateError(`${name} has no use for "${[...left.keys()][0]}"`);
    const rest = positional.slice(parameters.length);
    if (uses.has('varargs')) scope.set('varargs', new Tuple(rest));
    else if (rest.length > 0) throw new TemplateError(`${name} takes ${parameters.length} arguments`);
    return renderer.nested(body, scope);
  };
  const fields = new Map<string, Value>([
    ['name', name],
    ['arguments', new Tuple(own)],
  ]);
  return new Fields('macro', fields, call);
}

function fallback(parameter: Parameter, scope: Scope, renderer: MacroRenderer): Value {
  if (parameter.fallback === null) return new Undefined(parameter.name);
  return renderer.evaluator.value(parameter.fallback, scope);
}

/** Whether a name is spoken of anywhere in a body. */
function mentions(node: readonly Statement[] | Statement | Expression | unknown, name: string): boolean {
  if (Array.isArray(node)) return node.some((inner) => mentions(inner, name));
  if (typeof node !== 'object' || node === null) return false;
  const { kind, name: own } = node as { kind?: unknown; name?: unknown };
  if (kind === 'name' && own === name) return true;
  return Object.values(node).some((inner) => mentions(inner, name));
}
