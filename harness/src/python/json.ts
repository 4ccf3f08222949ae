type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * `json.dumps(value, indent=indent, ensure_ascii=False)`: Python's separators are `", "` and `": "`.
 * JavaScript does not tell 1.0 from 1; whole numbers are written as Python integers. NaN and infinity, for
 * which JSON has no words, become null, which is what its readers expect, or with `pythonWords` what Python writes.
 */
export function dumps(value: unknown, indent?: number, { pythonWords = false } = {}): string {
  return write(value as Json, indent, '', pythonWords ? writePythonNumber : writeNumber);
}

type WriteNumber = (value: number) => string;

function write(value: Json, indent: number | undefined, margin: string, writeNumber: WriteNumber): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return writeNumber(value);
  if (value === null || typeof value !== 'object') return writeScalar(value);
  const inner = indent === undefined ? '' : `${margin}${' '.repeat(indent)}`;
  const parts = Array.isArray(value)
    ? value.map((item: Json) => write(item, indent, inner, writeNumber))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${writeScalar(key)}: ${write(item, indent, inner, writeNumber)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  if (indent === undefined) return `${open}${parts.join(', ')}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`;
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  return Number.isInteger(value) ? String(value) : floatRepr(value);
}

function writePythonNumber(value: number): string {
  return Number.isFinite(value) ? writeNumber(value) : String(value);
}

/** JSON.stringify escapes lone surrogates where Python would write them; such text has no UTF-8 anyway. */
function writeScalar(value: string | boolean | null): string {
  return JSON.stringify(value);
}

/** `repr(float)`: the same shortest digits as JavaScript's, an exponent below 1e-4 and from 1e16. */
export function floatRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e16) {
    const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}
