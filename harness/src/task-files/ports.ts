import { readFile } from 'node:fs/promises';
import { sha256 } from '@moepress/core';
import { capitalize, strip } from '../python/text.js';
import { withoutMarks } from '../tasks/hellaswag.js';
import { splitOptions } from '../tasks/mathqa.js';
import type { RawConfig } from './read-task-file.js';
import { functionsIn } from './refusals.js';

type Row = Readonly<Record<string, unknown>>;

/** What stands here for a Python function of a task file: it makes rows of rows, or a value of a row. */
export type Port =
  | { readonly kind: 'rows'; rows(rows: readonly Row[]): readonly Row[] }
  | { readonly kind: 'value'; value(row: Row): unknown };

/** The functions of a Python file, by name. */
type PortedFile = (name: string) => Port | undefined;

const text = (row: Row, column: string): string => {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new TypeError(`the column "${column}" holds no text`);
};

const each = (change: (row: Row) => Row): Port => ({
  kind: 'rows',
  rows: (rows) => rows.map((row) => ({ ...row, ...change(row) })),
});

/** Rows of which a column holds a value. */
const only = (column: string, wanted: string, of: (value: string) => string = (value) => value): Port => ({
  kind: 'rows',
  rows: (rows) => rows.filter((row) => typeof row[column] === 'string' && of(row[column]) === wanted),
});

const value = (of: (row: Row) => unknown): Port => ({ kind: 'value', value: of });

/** `process_<part>` for each of these, spaces and signs in the name replaced. */
const parts = (
  names: readonly string[],
  port: (part: string) => Port,
  spelt = (part: string) => part,
): PortedFile => {
  const known = new Map(names.map((part) => [`process_${spelt(part)}`, port(part)]));
  return (name) => known.get(name);
};

const named =
  (functions: Readonly<Record<string, Port>>): PortedFile =>
  (name) =>
    Object.hasOwn(functions, name) ? functions[name] : undefined;

const underscored = (part: string) => part.toLowerCase().replaceAll(' & ', '_').replaceAll(' ', '_');

const letters = 'ABCDEFGHIJ';

const mmluProQuestion = value((row) => {
  const options = (row.options as readonly string[]).slice(0, letters.length);
  const lines = options.map((option, i) => `${letters[i]}. ${strip(option)}\n`);
  return `Question:\n${text(row, 'question')}\nOptions:\n${lines.join('')}Answer: Let's think step by step.`;
});

const mmluProCategories = [
  ...[
    'biology',
    'business',
    'chemistry',
    'computer science',
    'economics',
    'engineering',
    'health',
    'history',
  ],
  ...['law', 'math', 'other', 'philosophy', 'physics', 'psychology'],
];

/** The name of a subject, in columns that have the name of a file instead. */
function subjectIn(column: string): string {
  const end = ['_test.csv', '_test-'].map((mark) => column.indexOf(mark)).find((at) => at >= 0);
  return end === undefined ? column : column.slice(0, end);
}

/**
 * Python files of lm-evaluation-harness 0.4.13 whose functions are written here again, by the SHA-256 of the file: a file
 * that says anything else is not one of these.
 */
const files: Readonly<Record<string, PortedFile>> = {
  // hellaswag/utils.py
  '07d23b60b28f2a4f658dcf8440623a63fe6644854ce9b846a114dde980dc1214': named({
    process_docs: each((row) => ({
      query: withoutMarks(
        `${text(row, 'activity_label')}: ${text(row, 'ctx_a')} ${capitalize(text(row, 'ctx_b'))}`,
      ),
      choices: (row.endings as readonly string[]).map(withoutMarks),
      gold: Number(row.label),
    })),
  }),
  // winogrande/preprocess_winogrande.py
  e55327629264a98f1d383fda24645b6779afb53fa0bce2150042b9416b1ae006: named({
    doc_to_text: value((row) => ['1', '2'].indexOf(text(row, 'answer'))),
    doc_to_target: value((row) => strip(text(row, 'sentence').slice(text(row, 'sentence').indexOf('_') + 1))),
    doc_to_choice: value((row) => {
      const before = text(row, 'sentence').slice(0, text(row, 'sentence').indexOf('_'));
      return [before + text(row, 'option1'), before + text(row, 'option2')];
    }),
  }),
  // mathqa/utils.py
  '345aa27870efd145f970456632622efc617b299a4d00abc9459242d2c696d342': named({
    doc_to_choice: value((row) => splitOptions(text(row, 'options'))),
  }),
  // mmlu_pro/utils.py
  d47eae06ecf1e9535b033394de62185327a1dca977cb29049003699adeb92801: (name) =>
    named({
      doc_to_text: mmluProQuestion,
      fewshot_to_text: mmluProQuestion,
      fewshot_to_target: value((row) =>
        text(row, 'cot_content').replaceAll("A: Let's think step by step. ", ''),
      ),
    })(name) ?? parts(mmluProCategories, (part) => only('category', part), underscored)(name),
  // mmlusr/*/utils.py
  f28cc8d405c54ca83e339e3c6deebad195688d8788dbaf511a00c8ebee7f16f5: named({
    process_docs: each((row) => ({
      choices: ['choice1', 'choice2', 'choice3', 'choice4'].map((column) => row[column] || ''),
      answer: strip(String(row.answer || '')),
    })),
  }),
  // openai-mmmlu/default/utils.py
  '49aaaf0034ee7413385b68533fa22f5d664dc4c97f814985c353156f6ad6a85d': (name) =>
    name.startsWith('process_') ? only('Subject', name.slice('process_'.length), subjectIn) : undefined,
  // include/*/*/utils.py
  '280dbae55143a4d1be55783551e7d508b01a0d840066e5d5f3b9b6ae40966477': parts(
    [
      ...[
        'Applied Science',
        'Arts & Humanities',
        'Business & Commerce',
        'Driving License',
        'General knowledge',
      ],
      ...['Health oriented education', 'Marine License', 'Medical License', 'Professional certification'],
      ...['STEM', 'Social Science'],
    ],
    (part) => only('domain', part),
    underscored,
  ),
  // global_mmlu/default/*/utils.py
  '9776c2ffc09ae0569d2cea41856f7a9c712a38362c8ea33ac61239005062df0f': parts(
    ['Business', 'Humanities', 'Medical', 'Other', 'STEM', 'Social Sciences'],
    (part) => only('subject_category', part),
    underscored,
  ),
  // global_mmlu/full/*/utils.py
  b4012dd2b1a508885d23ee2ddb12bc26f3e622081ba41ec1ab766edc31a4982b: (name) =>
    name.startsWith('process_') ? only('subject', name.slice('process_'.length)) : undefined,
};

/** The port of a function that a task file names; undefined if there is none, or the file is not the one ported. */
export async function portOf(file: string, name: string): Promise<Port | undefined> {
  const bytes = await readFile(file).catch(() => null);
  if (bytes === null) return undefined;
  return portedFunction(sha256(bytes), name);
}

/** The port of a function of the file with this SHA-256. */
export function portedFunction(hash: string, name: string): Port | undefined {
  return Object.hasOwn(files, hash) ? files[hash]!(name.split('.').at(-1)!) : undefined;
}

/** A task's configuration with its ported functions put in. */
export interface PortedConfig {
  readonly config: RawConfig;
  readonly rows: ((rows: readonly Row[]) => readonly Row[]) | undefined;
  /** Columns that stand for functions, by the names that the configuration has in their place. */
  readonly columns: Readonly<Record<string, (row: Row) => unknown>>;
}

/** Keys of functions that make a value of a row. */
const valueKeys = ['doc_to_text', 'doc_to_target', 'doc_to_choice'];

/** Puts ported functions in place of the Python that a configuration names; what has no port stays as it is. */
export async function withPorts(config: RawConfig): Promise<PortedConfig> {
  const columns: Record<string, (row: Row) => unknown> = {};
  let rows: PortedConfig['rows'];
  const put = async (part: RawConfig, prefix: string): Promise<RawConfig> => {
    const changed: Record<string, unknown> = { ...part };
    for (const { key, name, file } of functionsIn(part)) {
      if (key !== 'process_docs' && !valueKeys.includes(key)) continue;
      const port = await portOf(file, name);
      if (key === 'process_docs' && prefix === '' && port?.kind === 'rows') {
        rows = port.rows;
        changed[key] = undefined;
      } else if (key !== 'process_docs' && port?.kind === 'value') {
        changed[key] = `${prefix}${key}()`;
        columns[`${prefix}${key}()`] = port.value;
      }
    }
    return Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  };
  const ported = await put(config, '');
  const { fewshot_config: fewshot } = ported;
  if (typeof fewshot !== 'object' || fewshot === null) return { config: ported, rows, columns };
  return {
    config: { ...ported, fewshot_config: await put(fewshot as RawConfig, 'fewshot ') },
    rows,
    columns,
  };
}
