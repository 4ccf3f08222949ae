import { MoepressError } from '@moepress/core';
import { parse } from 'csv-parse/sync';
import type { Row } from './dataset.js';
import { countOf, Scales, weights } from './limits.js';

/** Values that pandas treats as absent. */
const absent = new Set(
  ['', '#N/A', '#N/A N/A', '#NA', '-1.#IND', '-1.#QNAN', '-NaN', '-nan', '1.#IND', '1.#QNAN', '<NA>'].concat([
    'N/A',
    'NA',
    'NULL',
    'NaN',
    'None',
    'n/a',
    'nan',
    'null',
  ]),
);

const integer = /^[+-]?\d+$/;
const number = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const truth: ReadonlyMap<string, boolean> = new Map([
  ...['True', 'TRUE', 'true'].map((word): [string, boolean] => [word, true]),
  ...['False', 'FALSE', 'false'].map((word): [string, boolean] => [word, false]),
]);

/**
 * Rows of a CSV file with a header, read as pandas and therefore the `datasets` library reads it: columns of numbers
 * become numbers, columns of True and False booleans, and words such as NA absent values. Throws `DATASET_INVALID`.
 */
export function parseCsv(text: string, separator: string, where: string): Row[] {
  const fields = countOf(text, separator) + countOf(text, '\n') + countOf(text, '\r');
  const scales = new Scales(where);
  scales.add(2 * text.length + fields * weights.row);
  const [names = [], ...records] = recordsOf(text, separator, where);
  // Records may be shorter than the header.
  scales.add(names.length * records.length * weights.item);
  const columns = unused(names).map((name, i) => [name, records.map((record) => record[i] ?? '')] as const);
  const typed = columns.map(([name, values]) => [name, typedColumn(values)] as const);
  return records.map((_, row) => Object.fromEntries(typed.map(([name, values]) => [name, values[row]])));
}

function recordsOf(text: string, delimiter: string, where: string): string[][] {
  try {
    return parse(text, {
      delimiter,
      skip_empty_lines: true,
      relax_column_count_less: true,
      relax_quotes: true,
    }) as unknown as string[][];
  } catch (cause) {
    const message = `The table cannot be read: ${(cause as Error).message}.`;
    throw new MoepressError('DATASET_INVALID', { message, where, cause });
  }
}

/** Appends a number to a repeated name, as pandas does. */
function unused(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}.${times}`;
  });
}

function typedColumn(values: readonly string[]): readonly unknown[] {
  const present = values.filter((value) => !absent.has(value));
  const convert = converter(present);
  return values.map((value) => (absent.has(value) ? null : convert(value)));
}

function converter(values: readonly string[]): (value: string) => unknown {
  if (values.length === 0) return (value) => value;
  if (values.every((value) => integer.test(value) && Number.isSafeInteger(Number(value)))) return Number;
  if (values.every((value) => number.test(value))) return Number;
  if (values.every((value) => truth.has(value))) return (value) => truth.get(value);
  return (value) => value;
}
