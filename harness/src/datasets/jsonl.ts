import { MoepressError, parseJson } from '@moepress/core';
import type { Row } from './dataset.js';

/** One JSON object a line, in Python's form of JSON; blank lines are skipped. Throws `DATASET_INVALID` naming file and line. */
export function parseJsonLines(text: string, where: string): Row[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    return [parseLine(line, `${where}, line ${index + 1}`)];
  });
}

function parseLine(line: string, where: string): Row {
  let value: unknown;
  try {
    value = parseJson(line);
  } catch (cause) {
    throw new MoepressError('DATASET_INVALID', { message: `Not JSON: ${String(cause)}.`, where, cause });
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Row;
  throw new MoepressError('DATASET_INVALID', { message: 'The line is not a JSON object.', where });
}

/** Documents separated by blank lines, one a row of the single column `text`. */
export function parseParagraphs(text: string): Row[] {
  return text
    .split(/\n(?:[ \t\r]*\n)+/)
    .map((paragraph) => paragraph.replace(/^\n+|\n+$/g, ''))
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => ({ text: paragraph }));
}
