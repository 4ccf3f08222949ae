import { compileTaskTemplate, pythonText, type Template } from '../jinja/index.js';
import { literalEval } from '../python/literal.js';

/** How the parts of a question are made of a document: a column, a template, or the values themselves. */
export interface FieldSpecs {
  readonly text: Spec;
  readonly target: Spec;
  readonly choice: Spec;
  readonly prefix: Spec;
  readonly description: Spec;
}

export type Spec = null | number | string | readonly unknown[] | Readonly<Record<string, unknown>>;

/** What is asked of the documents of one split. */
export interface RenderTask {
  readonly specs: FieldSpecs;
  /** Columns of the scored split: a text that is one of them stands for the column. */
  readonly features: readonly string[];
  /** Whether the task has choices: then a text of digits is their number. */
  readonly hasChoices: boolean;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Whether a prefix that is a column of the document itself stands for it, as it does for examples. */
  readonly isExample: boolean;
}

/** The parts of a question, as JSON values. */
export interface RenderedFields {
  readonly text: unknown;
  readonly target: unknown;
  readonly choice: unknown;
  readonly prefix: string | null;
  readonly description: string;
}

/** The documents' parts in order. Throws a `FieldError` that names the first document that has none. */
export function renderFields({ specs, features, hasChoices, rows, isExample }: RenderTask): RenderedFields[] {
  const columns = new Set(features);
  return rows.map((row, index) => {
    const part = <Value>(name: keyof FieldSpecs, make: () => Value): Value => {
      try {
        return make();
      } catch (cause) {
        throw new FieldError(index, `${keys[name]}: ${(cause as Error).message}`);
      }
    };
    return {
      text: part('text', () => textOf(specs.text, row, { columns, hasChoices })),
      target: part('target', () => targetOf(specs.target, row, { columns, hasChoices })),
      choice: part('choice', () => (specs.choice === null ? null : choicesOf(specs.choice, row, columns))),
      prefix: part('prefix', () =>
        fieldOf(specs.prefix, row, isExample ? new Set(Object.keys(row)) : columns),
      ),
      description: part(
        'description',
        () => fieldOf(specs.description, row, new Set(Object.keys(row))) ?? '',
      ),
    };
  });
}

/** A document of which a part cannot be made. */
export class FieldError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/** The names of the parts in task files. */
const keys: Readonly<Record<keyof FieldSpecs, string>> = {
  text: 'doc_to_text',
  target: 'doc_to_target',
  choice: 'doc_to_choice',
  prefix: 'gen_prefix',
  description: 'description',
};

type Row = Readonly<Record<string, unknown>>;

interface Setting {
  readonly columns: ReadonlySet<string>;
  readonly hasChoices: boolean;
}

/** `ConfigurableTask.doc_to_text` of lm-evaluation-harness 0.4.13 (api/task.py). */
function textOf(spec: Spec, row: Row, { columns, hasChoices }: Setting): unknown {
  if (typeof spec === 'number') return spec;
  if (typeof spec !== 'string') throw new TypeError('it is a text or a number');
  if (columns.has(spec)) return valueIn(row, spec);
  const text = written(spec, row);
  return hasChoices && isDigits(text) ? literalEval(text) : text;
}

/** `ConfigurableTask.doc_to_target`. */
function targetOf(spec: Spec, row: Row, { columns, hasChoices }: Setting): unknown {
  if (typeof spec === 'number' || Array.isArray(spec)) return spec;
  if (typeof spec !== 'string') throw new TypeError('it is a text, a number or a list');
  if (columns.has(spec)) return valueIn(row, spec);
  const text = written(spec, row);
  if (hasChoices && isDigits(text)) return literalEval(text);
  if (text.length < 2 || !text.startsWith('[') || !text.endsWith(']')) return text;
  try {
    return literalEval(text);
  } catch {
    return text;
  }
}

/** `ConfigurableTask.doc_to_choice`, whose results are texts. */
function choicesOf(spec: Spec, row: Row, columns: ReadonlySet<string>): string[] {
  const value = choiceValues(spec, row, columns);
  if (!Array.isArray(value)) throw new TypeError('it gives no list');
  if (value.length === 0) throw new TypeError('it gives no choice');
  return value.map(pythonText);
}

function choiceValues(spec: Spec, row: Row, columns: ReadonlySet<string>): unknown {
  if (typeof spec === 'string') {
    return columns.has(spec) ? valueIn(row, spec) : literalEval(written(spec, row));
  }
  if (Array.isArray(spec)) return spec;
  if (typeof spec === 'object' && spec !== null) return Object.values(spec);
  throw new TypeError('it is a text, a list or a map');
}

/** `Task.resolve_field`: nothing for what is not given. */
function fieldOf(spec: Spec, row: Row, columns: ReadonlySet<string>): string | null {
  if (spec === null || spec === '') return null;
  if (typeof spec !== 'string') throw new TypeError('it is a text');
  if (!columns.has(spec)) return written(spec, row);
  const value = valueIn(row, spec);
  if (value === null || typeof value === 'string') return value;
  throw new TypeError('the column holds no text');
}

function valueIn(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column];
  throw new TypeError(`there is no column "${column}"`);
}

/** `str.isdigit()`. */
const isDigits = (text: string): boolean => /^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u.test(text);

/** Templates that were read; those of a suite are few. */
const compiled = new Map<string, Template>();
const mostCompiled = 1000;

function written(source: string, row: Row): string {
  let template = compiled.get(source);
  if (!template) {
    if (compiled.size >= mostCompiled) compiled.clear();
    template = compileTaskTemplate(source);
    compiled.set(source, template);
  }
  return template.render(row);
}
