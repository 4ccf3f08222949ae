/** The keys that tell what a task file is. */
const keys = [
  'task',
  'group',
  'tag',
  'include',
  'class',
  'output_type',
  'task_alias',
  'group_alias',
] as const;

export type ScannedKey = (typeof keys)[number];

/** Values of the keys that a file has at its beginning of line; null for one that only the whole file tells. */
export type Scanned = Readonly<Partial<Record<ScannedKey, string | readonly string[] | null>>>;

const line = new RegExp(`^(["']?)(${keys.join('|')})\\1[ \\t]*:(?:[ \\t]+(.*))?$`);

/**
 * What a task file says of itself, found without reading it as YAML, which takes a hundred times as long: a folder may
 * hold thousands of files of which one is wanted. What is not plain is null.
 */
export function scanTaskFile(text: string): Scanned {
  const found: { -readonly [Key in ScannedKey]?: Scanned[Key] } = {};
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const [at, one] of lines.entries()) {
    const [, , key, rest = ''] = line.exec(one) ?? [];
    if (key === undefined) continue;
    const value = withoutComment(rest);
    const next = lines[at + 1] ?? '';
    // A plain value may go on in lines that are indented.
    const goesOn = value !== '' && /^[ \t]+[^ \t#]/.test(next);
    found[key as ScannedKey] = goesOn ? null : value === '' ? listAt(lines, at + 1) : plainValue(value);
  }
  return found;
}

const withoutComment = (text: string): string => text.replace(/(^|[ \t]+)#.*$/, '').trim();

/** A word as it stands or between quotes, or several in brackets. */
function plainValue(text: string): string | readonly string[] | null {
  const list = /^\[([^[\]{}"']*)\]$/.exec(text);
  if (list) {
    const items = list[1]!.split(',').map((item) => item.trim());
    return items.every((item) => word.test(item)) ? items : null;
  }
  const quoted = /^(["'])([^"'\\]*)\1$/.exec(text);
  if (quoted) return quoted[2]!;
  if (/^!function [\w.]+$/.test(text)) return text;
  return word.test(text) ? text : null;
}

/** What YAML reads as a text: no number, truth or null, and no sign that says more. */
const word =
  /^(?!(?:yes|no|on|off|true|false|null|~)$)(?![-+.]?\d[\d_.:eExXa-fA-F+-]*$)[\p{L}\p{N}_./(][^:#[\]{},"'&*!|>%@`]*$/iu;

/** Items of a list below a key, or null if there is anything but plain words. */
function listAt(lines: readonly string[], from: number): readonly string[] | null {
  const items: string[] = [];
  for (let at = from; at < lines.length; at++) {
    const content = withoutComment(lines[at]!);
    if (content === '') continue;
    const [, item] = /^-[ \t]+(.*)$/.exec(content) ?? [];
    if (item === undefined) {
      if (/^[ \t]/.test(lines[at]!)) return null;
      break;
    }
    const value = plainValue(item);
    if (typeof value !== 'string') return null;
    items.push(value);
  }
  return items.length > 0 ? items : null;
}
