import { floatRepr } from '../python/json.js';
import { limited, order } from './operators.js';
import { TemplateError } from './template-error.js';
import { Dict, Tuple, typeName, type Value } from './values.js';

export interface JsonOptions {
  readonly ascii: boolean;
  /** What each level adds at the start of its lines; null for one line. */
  readonly indent: string | null;
  readonly separators: readonly [item: string, key: string];
  readonly sorted: boolean;
}

/** `json.dumps(value, ...)`. Throws `TemplateError` for what JSON has no form of. */
export function dumpJson(value: Value, options: JsonOptions): string {
  return limited(write(value, options, '\n'));
}

function write(value: Value, options: JsonOptions, margin: string): string {
  if (margin.length > 4000) throw new TemplateError('a list or dictionary is nested too deep');
  if (typeof value === 'string') return quoted(value, options);
  const items = Array.isArray(value) ? value : value instanceof Tuple ? value.items : null;
  if (items === null && !(value instanceof Dict)) return scalar(value);
  const inner = options.indent === null ? '' : margin + options.indent;
  const [item, key] = options.separators;
  const parts =
    items?.map((one) => write(one, options, inner || `${margin}\n`)) ??
    entriesOf(value as Dict, options).map(
      ([name, one]) =>
        `${quoted(keyText(name), options)}${key}${write(one, options, inner || `${margin}\n`)}`,
    );
  const [open, close] = items ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  if (options.indent === null) return `${open}${parts.join(item)}${close}`;
  return `${open}${inner}${parts.join(item + inner)}${margin}${close}`;
}

function entriesOf(value: Dict, { sorted }: JsonOptions): [Value, Value][] {
  const entries = [...value.entries()];
  return sorted ? entries.sort(([a], [b]) => order(a, b)) : entries;
}

function keyText(key: Value): string {
  return typeof key === 'string' ? key : scalar(key);
}

function scalar(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return floatRepr(value);
    return String(value);
  }
  throw new TemplateError(`JSON has no form of a ${typeName(value)}`);
}

function quoted(text: string, { ascii }: JsonOptions): string {
  const json = JSON.stringify(text);
  if (!ascii) return json;
  return json.replace(/[\x7f-\uffff]/g, (unit) =>
    unit === '\x7f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
