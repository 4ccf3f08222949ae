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
export async function limitMode(options: RealOptions): Promise<Measured<Row>> {
  const rows: Row[] = [];
  for (const { shape: name, layers, bytes } of cases) {
    const shape = shapes.find((candidate) => candidate.name === name)!;
    if (options.shapes && !options.shapes.includes(shape)) continue;
    const prepared = await prepare(shape, options.layers ?? layers);
    const sizes = options.short ? short : usual;
    const bound = options.memoryLimit ?? bytes;
    rows.push(...(await measureJobs(prepared, { sizes, selection: options.selection ?? kinds, bound })));
  }
  return {
    rows,
    tablesOf: (all) => limitTables(all, options.memoryLimit),
    isGood: ({ ran }) => ['done', 'refused'].includes(ran.outcome),
  };
}

function limitTables(all: readonly Row[], memoryLimit: number | null): Table[] {
  return cases.flatMap(({ shape: name, bytes }): Table[] => {
    const shape = shapes.find((candidate) => candidate.name === name)!;
    const rows = all.filter((row) => row.shape === shape.title);
    if (rows.length === 0) return [];
    const bound = memoryLimit ?? bytes;
    const by = rows.some(({ ran }) => ran.by === 'cgroup')
      ? 'The system kept it (control group); pages of files count in it, too, and are taken back first'
      : 'It was watched every 10 ms, and a process beyond it was ended';
    const table = commandTable(shape, rows, bound);
    const kept = `At most ${gigabytes(bound)} of anonymous memory. ${by}.`;
    return [{ ...table, notes: [kept, ...(table.notes ?? [])] }];
  });
}
