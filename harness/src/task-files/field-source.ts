import { MoepressError } from '@moepress/core';
import { pythonText } from '../jinja/index.js';
import type { FieldSource, SolvedExample, Task } from '../tasks/task-schema.js';
import { askConfinedNow } from './confined-files.js';
import type { FieldSpecs, RenderedFields, RenderTask } from './render-fields.js';
import type { Outcome } from './task-file-thread.js';

/** How a task file makes questions and examples of documents. */
export interface Rendering {
  readonly task: string;
  readonly outputType: Task['output_type'];
  readonly question: FieldSpecs;
  readonly example: FieldSpecs;
  /** Columns that are computed, by names that stand in the specs. */
  readonly columns: Readonly<Record<string, (row: Readonly<Record<string, unknown>>) => unknown>>;
  readonly delimiters: Pick<SolvedExample, 'targetDelimiter' | 'fewshotDelimiter'>;
}

/** A document as the templates of a task from a file see it. */
export interface QuestionFields {
  /** The question, or one for each choice. */
  readonly text: string | readonly string[];
  readonly choices: readonly string[];
  /** The texts that log-likelihoods are divided by the lengths of. */
  readonly measured: readonly string[];
  /** Of choices the index of the right one, or of several; else the right answer, or several. */
  readonly gold: number | string | readonly (number | string)[];
  readonly prefix: string;
  readonly description: string;
  readonly loggedTarget: string;
  /** The column `choices`. */
  readonly filterChoices: unknown;
}

export interface ExampleFields {
  readonly example: SolvedExample;
}

/** What the first document tells of all, as lm-evaluation-harness has it. */
interface Shape {
  /** Whether the choices are contexts, after which the target stands; the question is then the number of the right one. */
  readonly manyInputs: boolean;
  readonly manyTargets: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** Documents whose templates are rendered in one question to the thread. */
const portion = { questions: 64, examples: 1 };

/** The fields of a task's documents. They are made when they are asked for, some at once. */
export function fieldSource(rendering: Rendering): FieldSource {
  return {
    questions(given) {
      const rows = given as readonly Row[];
      const features = featuresOf(rows);
      const rendered = lazily(rows, portion.questions, (part, first) =>
        ask(rendering, { rows: part, features }, first),
      );
      const shape = () => shapeOf(rendering, rendered(0));
      return asDocuments(rows, (i) => {
        try {
          return questionOf(rendering, shape(), { fields: rendered(i), row: rows[i]! });
        } catch (error) {
          throw located(error, rendering.task, i);
        }
      });
    },
    examples(given, scored) {
      const rows = given as readonly Row[];
      const features = featuresOf(scored as readonly Row[]);
      const rendered = lazily(rows, portion.examples, (part, first) =>
        ask(rendering, { rows: part, features, isExample: true }, first),
      );
      const firstScored = (scored as readonly Row[]).slice(0, 1);
      const shape = lazily(firstScored, 1, (part) =>
        ask(rendering, { rows: part, features }, 0).map((fields) => shapeOf(rendering, fields)),
      );
      return asDocuments(rows, (i): ExampleFields => {
        try {
          return { example: exampleOf(rendering, shape(0), rendered(i)) };
        } catch (error) {
          throw located(error, rendering.task, i);
        }
      });
    },
  };
}

/** The columns of rows, in their order. */
const featuresOf = (rows: readonly Row[]): string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))];

/** Documents whose fields are made once. */
function asDocuments<Fields>(
  rows: readonly Row[],
  make: (i: number) => Fields,
): { readonly fields: Fields }[] {
  return rows.map((_, i) => {
    let made: Fields | undefined;
    return {
      get fields() {
        made ??= make(i);
        return made;
      },
    };
  });
}

/** Results for rows, computed for some at once when one of them is asked for. */
function lazily<Result>(
  rows: readonly Row[],
  size: number,
  compute: (part: readonly Row[], first: number) => readonly Result[],
): (i: number) => Result {
  const known = new Map<number, readonly Result[]>();
  return (i) => {
    const part = Math.floor(i / size);
    let results = known.get(part);
    if (!results) {
      results = compute(rows.slice(part * size, (part + 1) * size), part * size);
      known.set(part, results);
    }
    return results[i - part * size]!;
  };
}

interface Asked {
  readonly rows: readonly Row[];
  readonly features: readonly string[];
  readonly isExample?: boolean;
}

function ask(
  { task, question, example, columns }: Rendering,
  { rows: given, features: own, isExample = false }: Asked,
  first: number,
) {
  const specs = isExample ? example : question;
  const needed = Object.keys(columns).filter((name) => Object.values(specs).includes(name));
  const features = [...own, ...needed];
  const rows = given.map((row, i) => {
    try {
      return { ...row, ...Object.fromEntries(needed.map((name) => [name, columns[name]!(row)])) };
    } catch (error) {
      throw located(error, task, first + i);
    }
  });
  const wanted: RenderTask = { specs, features, hasChoices: question.choice !== null, rows, isExample };
  let outcome: Outcome<RenderedFields[]>;
  try {
    outcome = askConfinedNow<Outcome<RenderedFields[]>>('render', wanted);
  } catch (cause) {
    outcome = { refusal: (cause as Error).message };
  }
  if ('value' in outcome) return outcome.value;
  throw located(new TypeError(outcome.refusal), task, first + (outcome.row ?? 0));
}

function located(error: unknown, task: string, row: number): unknown {
  if (!(error instanceof TypeError)) return error;
  return new MoepressError('TASK_INVALID', {
    message: `Row ${row + 1} makes no prompt: ${error.message}.`,
    where: task,
    hint: 'Correct the templates of the task file, or give the dataset that they were written for.',
    cause: error,
  });
}

const isIndex = (value: unknown): value is number | boolean =>
  typeof value === 'boolean' || (typeof value === 'number' && Number.isInteger(value));

function shapeOf({ question }: Rendering, { text, target }: RenderedFields): Shape {
  return {
    manyInputs: question.choice !== null && isIndex(text),
    manyTargets: Array.isArray(target),
  };
}

interface Rendered {
  readonly fields: RenderedFields;
  readonly row: Row;
}

/** A document as a question. Throws a `TypeError` where lm-evaluation-harness has an error. */
function questionOf({ outputType }: Rendering, shape: Shape, { fields, row }: Rendered): QuestionFields {
  const choices = (fields.choice ?? []) as readonly string[];
  const common = {
    prefix: fields.prefix ?? '',
    description: fields.description,
    loggedTarget: pythonText(fields.target),
    filterChoices: row.choices,
  };
  if (shape.manyInputs) {
    const continuations = choices.map(() => common.loggedTarget);
    const gold = indexIn(fields.text, choices);
    return { ...common, text: choices, choices: continuations, measured: choices, gold };
  }
  if (typeof fields.text !== 'string') throw new TypeError('doc_to_text gives no text');
  const gold =
    outputType === 'multiple_choice' ? goldIndex(fields.target, shape, choices) : goldText(fields, shape);
  return { ...common, text: fields.text, choices, measured: choices, gold };
}

/** The index of a choice, -1 for what is none of them. */
function indexIn(target: unknown, choices: readonly string[]): number {
  if (typeof target === 'string') return choices.indexOf(target);
  if (typeof target === 'bigint' || isIndex(target))
    return Number(target) < choices.length ? Number(target) : -1;
  return typeof target === 'number' ? target : -1;
}

function goldIndex(target: unknown, { manyTargets }: Shape, choices: readonly string[]): number | number[] {
  if (!Array.isArray(target)) {
    if (manyTargets) throw new TypeError('doc_to_target gives one target, and several for the first row');
    return indexIn(target, choices);
  }
  if (!manyTargets) return -1;
  return target.map((one) => {
    if (isIndex(one)) return indexIn(one, choices);
    throw new TypeError('doc_to_target gives several targets that are no numbers of choices');
  });
}

function goldText({ target, choice }: RenderedFields, { manyTargets }: Shape): string | string[] {
  if (choice !== null) {
    const index = isIndex(target) ? Number(target) : Number.NaN;
    const chosen = (choice as readonly string[]).at(index);
    if (Number.isNaN(index) || chosen === undefined)
      throw new TypeError('doc_to_target is the number of no choice');
    return chosen;
  }
  if (!manyTargets) return pythonText(target);
  // As Python makes a list of it: of a text its characters.
  const golds = typeof target === 'string' ? [...target] : target;
  if (!Array.isArray(golds)) throw new TypeError('doc_to_target gives no list, and one for the first row');
  return golds.map(pythonText);
}

/** A document as an example. Throws a `TypeError` where lm-evaluation-harness has an error. */
function exampleOf({ delimiters }: Rendering, { manyInputs }: Shape, fields: RenderedFields): SolvedExample {
  const choices = fields.choice as readonly string[] | null;
  const question = manyInputs ? choices?.at(Number(fields.text)) : fields.text;
  if (typeof question !== 'string') throw new TypeError('doc_to_text gives no text');
  const { target } = fields;
  const common = { question, genPrefix: fields.prefix, ...delimiters };
  if (target === null || target === '') return { ...common, answer: null };
  const isChoice = !manyInputs && choices !== null && choices.length > 0 && isIndex(target);
  const answer = isChoice ? choices.at(Number(target)) : Array.isArray(target) ? target[0] : target;
  if (typeof answer !== 'string') throw new TypeError('the answer of an example is no text');
  return { ...common, answer };
}
