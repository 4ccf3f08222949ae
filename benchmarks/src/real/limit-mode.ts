import { gigabytes } from '../flops.js';
import { commandTable, type Measured } from './commands.js';
import { measureJobs, type Row } from './measure.js';
import type { RealOptions } from './options.js';
import type { Table } from './report.js';
import { shapes } from './shapes.js';
import { short, usual } from './sizes.js';
import { prepare } from './subject.js';

/** Shapes, their layers, and the bytes of anonymous memory that every command must do with. */
const cases = [
  { shape: 'olmoe', layers: 16, bytes: 4e9 },
  { shape: 'qwen3', layers: 2, bytes: 6e9 },
] as const;

/** Commands that are not needed here, because other modes measure them. */
const kinds = ['eval', 'compress', 'refine', 'apply', 'serve'];

/**
 * Runs commands under a bound on anonymous memory, which they are told by `--memory` where they have it. Good is what
 * finishes, and what says before it starts that it cannot.
 */
export async function limitMode(options: RealOptions): Promise<Measured> {
  const tables: Table[] = [];
  const rows: Row[] = [];
  for (const { shape: name, layers, bytes } of cases) {
    const shape = shapes.find((candidate) => candidate.name === name)!;
    const bound = options.memoryLimit ?? bytes;
    const prepared = await prepare(shape, options.layers ?? layers);
    const selection = options.selection ?? kinds;
    const measured = await measureJobs(prepared, { sizes: options.short ? short : usual, selection, bound });
    rows.push(...measured);
    const by = measured.some(({ ran }) => ran.by === 'cgroup')
      ? 'The system kept it (control group); pages of files count in it, too, and are taken back first'
      : 'It was watched every 10 ms, and a process beyond it was ended';
    const table = commandTable(shape, measured, bound);
    tables.push({
      ...table,
      notes: [`At most ${gigabytes(bound)} of anonymous memory. ${by}.`, ...(table.notes ?? [])],
    });
  }
  return { tables, data: rows, good: rows.every(({ ran }) => ['done', 'refused'].includes(ran.outcome)) };
}
