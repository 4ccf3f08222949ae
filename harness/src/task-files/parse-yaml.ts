import { type Document, parseDocument, type ScalarTag } from 'yaml';
import { isDeeper } from '../datasets/yaml-depth.js';

/** The key of a map that stands for a scalar tagged `!function`; the value names the function. */
export const functionKey = '!function';

/** Lists and maps within each other, and aliases, which may make a small text a large one or one without an end. */
const most = { depth: 50, aliases: 100 };

/** Why a text is not the YAML that is needed, as a clause. */
export class YamlError extends Error {}

/**
 * The value of a YAML 1.1 text, its plain scalars read as PyYAML's `SafeLoader` reads them (its implicit resolvers:
 * `yes` is true, `1e5` a text, `010` octal), `!function` as `functionKey` tells. Throws `YamlError`.
 */
export function parseTaskYaml(text: string): unknown {
  let document = read(text);
  // PyYAML lets a quoted text go on at the beginning of a line.
  if (document.errors.some(({ code }) => code === 'MISSING_CHAR')) document = read(indentedQuotes(text));
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const line = text.slice(0, problem.pos[0]).split('\n').length;
    throw new YamlError(`${problem.message.split('\n')[0]} in line ${line}`);
  }
  const value = contentOf(document);
  if (isDeeper(value, most.depth))
    throw new YamlError(`it nests deeper than ${most.depth} levels, or within itself`);
  return value;
}

function read(text: string): Document {
  try {
    return parseDocument(text, {
      version: '1.1',
      schema: 'failsafe',
      merge: true,
      customTags: [...scalars, functionTag],
      uniqueKeys: false,
      prettyErrors: false,
    });
  } catch (cause) {
    // What nests very deep overflows the library's stack.
    throw new YamlError((cause as Error).message, { cause });
  }
}

function contentOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: most.aliases });
  } catch (cause) {
    throw new YamlError((cause as Error).message, { cause });
  }
}

/** Where a value between quotes begins, after a key or the mark of an item. */
const opening = /^([ \t]*(?:- +)*(?:(?:[^\s#"'{[-][^:#]*|"[^"]*"|'[^']*'):[ \t]+)?)(["'])/;

/**
 * The text with the lines indented on which a quoted text goes on: blanks at their beginning do not count. Lines of block
 * texts stay as they are.
 */
function indentedQuotes(text: string): string {
  let quote: string | null = null;
  let blockIndent: number | null = null;
  const depthOf = (line: string) => line.length - line.trimStart().length;
  return text
    .split('\n')
    .map((line) => {
      if (quote !== null) {
        if (closes(line, quote)) quote = null;
        return `    ${line}`;
      }
      if (blockIndent !== null && (line.trim() === '' || depthOf(line) > blockIndent)) return line;
      blockIndent = /:[ \t]+[|>][-+\d]*[ \t]*(?:#.*)?$/.test(line) ? depthOf(line) : null;
      const [, before, mark] = opening.exec(line) ?? [];
      if (mark !== undefined && !closes(line.slice(before!.length + 1), mark)) quote = mark;
      return line;
    })
    .join('\n');
}

/** Whether a quoted text ends on a line. */
function closes(line: string, quote: string): boolean {
  const inside = quote === '"' ? line.replace(/\\./g, '') : line.replaceAll("''", '');
  return inside.includes(quote);
}

const plain = (tag: string, test: RegExp, resolve: (text: string) => unknown): ScalarTag => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve,
});

/** `1:30` counts in sixties. */
const sexagesimal = (text: string): number => {
  const [sign, digits] = text.startsWith('-') ? [-1, text.slice(1)] : [1, text.replace(/^\+/, '')];
  return sign * digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
};

const without = (text: string): string => text.replaceAll('_', '');

function integer(text: string): number {
  const [, sign, digits] = /^([-+]?)(.*)$/.exec(without(text))!;
  const value = /^0[0-7]+$/.test(digits!) ? Number.parseInt(digits!, 8) : Number(digits);
  return sign === '-' ? -value : value;
}

const float = (text: string): number => {
  const value = without(text).toLowerCase();
  if (value.endsWith('.inf')) return value.startsWith('-') ? -Infinity : Infinity;
  return value === '.nan' ? Number.NaN : Number(value);
};

/** The implicit resolvers of PyYAML but that of dates, which are written as they stand. */
const scalars: readonly ScalarTag[] = [
  plain('null', /^(?:~|null|Null|NULL|)$/, () => null),
  plain('bool', /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/, () => true),
  plain('bool', /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/, () => false),
  plain('int', /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+)$/, integer),
  plain('int', /^[-+]?[1-9][\d_]*(?::[0-5]?\d)+$/, sexagesimal),
  plain('float', /^(?:[-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]\d+)?|\.\d[\d_]*(?:[eE][-+]\d+)?)$/, float),
  plain('float', /^[-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*$/, sexagesimal),
  plain('float', /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/, float),
];

const functionTag: ScalarTag = {
  tag: functionKey,
  resolve: (text: string) => ({ [functionKey]: text }),
};
