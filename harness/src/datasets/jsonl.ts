import { JsonTooLargeError, jsonWeight, MoepressError, parseJson } from '@moepress/core';
import type { Row } from './dataset.js';
import { linesOf, Scales, weights } from './limits.js';

/** One JSON object a line, in Python's form of JSON; blank lines are skipped. Throws `DATASET_INVALID` naming file and line. */
export function parseJsonLines(text: string, where: string): Row[] {
  const scales = new Scales(where);
  const rows: Row[] = [];
  let number = 0;
  for (const line of linesOf(text)) {
    number++;
    if (line.trim() === '') continue;
    scales.add(weights.row + line.length + jsonWeight(line));
    rows.push(parseLine(line, `${where}, line ${number}`));
  }
  return rows;
}

/**
 * Rows of a JSON file, as the `datasets` library reads it: an object a line; a list of objects, or of texts, which
 * become the column `text`; or one object whose keys are columns. `field` names a key of the whole under which these
 * are. Throws `DATASET_INVALID`.
 */
export function parseJsonRows(text: string, where: string, field?: string): Row[] {
  if (field !== undefined)
    return rowsOf((parse(text, where) as Record<string, unknown> | null)?.[field], where);
  if (text.trimStart().startsWith('[') && isJson(text)) return rowsOf(parse(text, where), where);
  const [first = ''] = linesOf(text.trimStart());
  return isJson(first) || !isJson(text) ? parseJsonLines(text, where) : rowsOf(parse(text, where), where);
}

function rowsOf(value: unknown, where: string): Row[] {
  if (Array.isArray(value)) {
    return value.map((row, i) =>
      typeof row === 'string' ? { text: row } : asRow(row, `${where}, row ${i + 1}`),
    );
  }
  const columns = Object.entries(asRow(value, where));
  const [, longest] = columns[0] ?? [];
  const isTable =
    Array.isArray(longest) &&
    columns.every(([, list]) => Array.isArray(list) && list.length === longest.length);
  if (isTable)
    return longest.map((_, i) =>
      Object.fromEntries(columns.map(([name, list]) => [name, (list as unknown[])[i]])),
    );
  throw new MoepressError('DATASET_INVALID', {
    message: 'It is neither an object a line, nor a list of objects, nor columns of one length.',
    where,
  });
}

function parseLine(line: string, where: string): Row {
  return asRow(parse(line, where), where);
}

function asRow(value: unknown, where: string): Row {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Row;
  throw new MoepressError('DATASET_INVALID', { message: 'The line is not a JSON object.', where });
}

function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new MoepressError('DATASET_INVALID', { message: `Not JSON: ${String(cause)}.`, where, cause });
  }
}

function isJson(text: string): boolean {
  try {
    parseJson(text);
    return true;
  } catch (error) {
    // The caller reports the error.
    return error instanceof JsonTooLargeError;
  }
}
