import { gigabytes } from '../flops.js';
import { measureJobs, type Row } from './measure.js';
import type { RealOptions } from './options.js';
import type { Table } from './report.js';
import { type Shape, shapes } from './shapes.js';
import { short, usual } from './sizes.js';
import { prepare } from './subject.js';

/** Layers of the short form: of DeepSeek-V2's the first has no experts. */
const shortLayers = 2;

/** The commands of the short selection: each way through a model once. */
const shortSelection = ['inspect', 'compress-reap', 'compress-fisher-moe', 'apply', 'eval', 'serve'];

/** Bytes of anonymous memory that no command of the short form may take. */
const shortBound = 3e9;

/** The rows of a mode, and what is made of them. */
export interface Measured<R = unknown> {
  readonly rows: readonly R[];
  tablesOf(rows: readonly R[]): readonly Table[];
  /** Whether a result is as it has to be. */
  isGood(row: R): boolean;
}

/** Runs every command on every shape. With a limit, commands that take more anonymous memory are ended. */
export async function commandsMode(options: RealOptions): Promise<Measured<Row>> {
  const wanted = options.shapes ?? shapes;
  const rows: Row[] = [];
  for (const shape of wanted) {
    const prepared = await prepare(shape, layersOf(shape, options));
    const { memoryLimit } = options;
    const selection = options.selection ?? (options.short ? shortSelection : null);
    const sizes = options.short ? short : usual;
    rows.push(...(await measureJobs(prepared, { sizes, selection, bound: memoryLimit ?? undefined })));
  }
  const bound = options.short ? (options.memoryLimit ?? shortBound) : null;
  return {
    rows,
    tablesOf: (all) =>
      shapes.flatMap((shape) => {
        const own = all.filter((row) => row.shape === shape.title);
        return own.length > 0 ? [commandTable(shape, own, bound)] : [];
      }),
    isGood: (row) => row.ran.outcome === 'done' && within(row, bound),
  };
}

export const layersOf = (shape: Shape, { layers, short: brief }: RealOptions): number =>
  Math.min(shape.published, layers ?? (brief ? shortLayers : shape.layers));

/** Whether a command stays within the bound, and within its own prediction. */
function within({ ran }: Row, bound: number | null): boolean {
  return bound === null || ran.anonymous <= Math.min(bound, ran.predicted ?? bound);
}

export function commandTable(shape: Shape, rows: readonly Row[], bound: number | null): Table {
  const [first] = rows;
  return {
    title: `${shape.title}: ${first?.layers} of ${shape.published} layers, experts in ${shape.stored}, tokenizer ${first?.tokenizer}`,
    columns: [
      'command',
      'seconds',
      'of processors',
      'anonymous',
      'predicted',
      ...(bound === null ? [] : ['bound']),
      'files in memory',
      'written',
      'outcome',
      'load before',
    ],
    rows: rows.map((row) => [
      row.job,
      row.ran.seconds.toFixed(1),
      row.ran.cpu.toFixed(1),
      gigabytes(row.ran.anonymous),
      row.ran.predicted === null ? '' : gigabytes(row.ran.predicted),
      ...(bound === null ? [] : [gigabytes(bound)]),
      gigabytes(row.ran.file),
      gigabytes(row.ran.written),
      outcomeOf(row, bound),
      row.load.toFixed(1),
    ]),
    notes: rows.filter(({ note }) => note !== '').map(({ job, note }) => `${job}: ${note}.`),
  };
}

function outcomeOf(row: Row, bound: number | null): string {
  const { outcome, complaint } = row.ran;
  if (outcome === 'done') return within(row, bound) ? outcome : 'too much memory';
  return `${outcome}: ${complaint?.split('\n').at(-1)}`;
}
