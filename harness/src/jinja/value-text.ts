import { floatRepr } from '../python/json.js';
import { TemplateError } from './template-error.js';
import {
  Callable,
  Dict,
  Fields,
  Range,
  Stream,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.js';

/** Texts that would fill the memory are refused. */
export const maxLength = 16 * 1024 * 1024;

/** `str(value)`, which is what an expression writes. Throws `TemplateError` for what Python shows by its address. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (!(value instanceof Undefined)) return reprOf(value);
  value.use();
  return '';
}

/** `repr(value)`, as it stands within lists. */
export function reprOf(value: Value, depth = 0): string {
  if (depth > 100) throw new TemplateError('a list or dictionary is nested too deep');
  const inner = (item: Value) => reprOf(item, depth + 1);
  const list = (items: Iterable<Value>) => `[${Array.from(items, inner).join(', ')}]`;
  const dict = (of: Iterable<readonly [Value, Value]>) =>
    `{${Array.from(of, ([key, item]) => `${inner(key)}: ${inner(item)}`).join(', ')}}`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return floatRepr(value);
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return list(value);
  if (value instanceof Tuple) return tupleText(value.items, inner);
  if (value instanceof Dict) return dict(value.entries());
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof View) return `dict_${value.part}(${list(value.list())})`;
  if (value instanceof Range) return rangeText(value);
  if (value instanceof Fields) return fieldsText(value, inner, dict);
  throw new TemplateError(
    `a ${value instanceof Stream || value instanceof Callable ? 'function or its results' : typeName(value)} cannot be written`,
  );
}

function tupleText(items: readonly Value[], inner: (item: Value) => string): string {
  return items.length === 1 ? `(${inner(items[0]!)},)` : `(${items.map(inner).join(', ')})`;
}

function rangeText({ start, stop, step }: Range): string {
  return `range(${start}, ${stop}${step === 1n ? '' : `, ${step}`})`;
}

function fieldsText(
  { kind, fields }: Fields,
  inner: (item: Value) => string,
  dict: (of: Iterable<readonly [Value, Value]>) => string,
): string {
  if (kind === 'namespace') return `<Namespace ${dict(fields)}>`;
  if (kind === 'group') return tupleText([...fields.values()], inner);
  if (kind === 'macro') return `<Macro ${inner(fields.get('name')!)}>`;
  if (kind === 'loop') return `<LoopContext ${fields.get('index')}/${fields.get('length')}>`;
  throw new TemplateError(`a ${kind} cannot be written`);
}

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/** What Python does not show as it is: separators but the blank, controls, and what is no character. */
const unprintable = /[\p{C}\p{Z}]/u;

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const char of text) {
    if (char === quote) out += `\\${char}`;
    else if (Object.hasOwn(short, char)) out += short[char];
    else if (char !== ' ' && unprintable.test(char)) out += escaped(char.codePointAt(0)!);
    else out += char;
  }
  return out + quote;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
