import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gigabytes } from '../flops.js';
import type { Provenance } from './machine.js';
import type { Row } from './measure.js';
import { benchFolder } from './moepress.js';

const folder = fileURLToPath(new URL('../../results', import.meta.url));

/** A table with its columns' titles; numbers are right-aligned. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences below it. */
  readonly notes?: readonly string[];
}

export function markdown({ title, columns, rows, notes = [] }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, i) => (i === 0 ? '---' : '---:'));
  return [
    `## ${title}`,
    '',
    line(columns),
    line(rule),
    ...rows.map((cells) => line(cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')))),
    ...notes.flatMap((note) => ['', note]),
  ].join('\n');
}

/** Results name the folder of the checkpoints as the variable does, not where it is on this machine. */
const anywhere = (text: string) => text.replaceAll(benchFolder, '$MOEPRESS_BENCH');

/** The rows of an earlier report; none if there is none. */
export async function readResults(name: string): Promise<Row[]> {
  try {
    return JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')).results;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Writes what was measured as `<name>.json` and its tables as `<name>.md` under benchmarks/results. */
export async function writeReport(
  name: string,
  made: Provenance,
  tables: readonly Table[],
  data: unknown,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const about = `${made.date}, commit ${made.commit}: \`${made.command}\` on ${made.processor}, ${made.cores} cores, ${gigabytes(made.memory)} of memory, Node.js ${made.node}.`;
  const text = ['# Real size', about, ...tables.map(markdown)].join('\n\n');
  await writeFile(join(folder, `${name}.md`), anywhere(`${text}\n`));
  await writeFile(
    join(folder, `${name}.json`),
    anywhere(`${JSON.stringify({ ...made, results: data }, null, 2)}\n`),
  );
  console.log(`written to ${join(folder, name)}.{md,json}`);
}
