import { readdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { gigabytes } from '../flops.js';
import type { Ran } from './child.js';
import type { Measured } from './commands.js';
import { type Agreement, compareSampleFiles } from './compare.js';
import { askPeer } from './lm-eval-peer.js';
import { benchFolder, inScratch, moepress } from './moepress.js';
import type { RealOptions } from './options.js';
import { shapes } from './shapes.js';
import { type Prepared, prepare } from './subject.js';
import { type TableRow, tableRows } from './table-rows.js';
import { type Compared, comparisonTable, exactTable } from './table-text.js';

/** One side's samples file and metrics, and how it went. */
interface Ours {
  readonly ran: Ran;
  readonly samples: string;
  readonly metrics: Readonly<Record<string, unknown>>;
}

/** Bytes of anonymous memory that no row may take of ours, and that the command is told. */
const bound = 3e9;

/** The task that the command tells of while it asks the model. */
const answeringTask = 'Answering requests';

/** Scores the rows of the table by `moepress eval` and, where a Python is named, by its lm-evaluation-harness. */
export async function tableMode(options: RealOptions): Promise<Measured<Compared>> {
  const shape = shapes[0]!;
  const prepared = await prepare(shape, options.layers ?? shape.layers);
  const wanted = tableRows.filter(({ name }) => options.selection?.includes(name) ?? true);
  const compared: Compared[] = [];
  for (const row of wanted) {
    const limit = options.documents === null ? row.limit : Math.min(row.limit ?? Infinity, options.documents);
    const done = await inScratch(benchFolder, (scratch) =>
      compare({ ...row, limit }, prepared, options, scratch),
    );
    console.log(
      `${row.name}: ${done.ours.seconds.toFixed(1)} s, ${gigabytes(done.ours.anonymous)}${done.peer ? `; lm_eval ${done.peer.ran.seconds.toFixed(1)} s` : ''}`,
    );
    compared.push(done);
  }
  const title = `${shape.title}, ${prepared.layers} of ${shape.published} layers, tokenizer ${prepared.tokenizer}`;
  return {
    rows: compared,
    tablesOf(all) {
      const exact = all.some((done) => done.exact) ? [exactTable(all)] : [];
      return [comparisonTable(title, all, bound), ...exact];
    },
    isGood: ({ ours }) => ours.anonymous <= bound,
  };
}

async function compare(
  row: TableRow,
  prepared: Prepared,
  options: RealOptions,
  scratch: string,
): Promise<Compared> {
  const { directory, rows } = prepared;
  const [load] = loadavg();
  const ours = await ourSide(row, prepared, join(scratch, 'ours'));
  const ask = (asked: TableRow, dtype: 'bfloat16' | 'float32') =>
    askPeer({
      python: options.python!,
      directory,
      rows: rows.folder,
      row: asked,
      dtype,
      samples: join(scratch, `${dtype}.jsonl`),
    });
  const peer = options.python === null ? null : await ask(row, 'bfloat16');
  const agreement = peer && compareSampleFiles(ours.samples, join(scratch, 'bfloat16.jsonl'));
  let exact: Agreement | null = null;
  if (options.python !== null && options.exact > 0) {
    const few = { ...row, limit: Math.min(row.limit ?? Infinity, options.exact) };
    await ask(few, 'float32');
    const again = await ourSide(few, prepared, join(scratch, 'again'));
    exact = compareSampleFiles(again.samples, join(scratch, 'float32.jsonl'));
  }
  return {
    row,
    ours: quiet(ours.ran),
    answering: ours.ran.tasks[answeringTask] ?? ours.ran.seconds,
    metrics: ours.metrics,
    peer: peer && { ...peer, ran: quiet(peer.ran) },
    agreement,
    exact,
    load: load!,
  };
}

async function ourSide(
  { task, limit, shots }: TableRow,
  { directory, rows }: Prepared,
  output: string,
): Promise<Ours> {
  const args = [
    ...['eval', directory, '--tasks', task, '--data', rows.folder, '--no-answers', '--output', output],
    ...['--memory', String(bound)],
    ...(limit === null ? [] : ['--limit', String(limit)]),
    ...(shots === null ? [] : ['--num-fewshot', String(shots)]),
  ];
  const ran = await moepress(args, output);
  if (ran.outcome !== 'done') throw new Error(`moepress ${args.join(' ')}: ${ran.complaint}`);
  const results = JSON.parse(ran.stdout) as { results: Record<string, Record<string, unknown>> };
  const samples = readdirSync(output, { recursive: true, encoding: 'utf8' }).find((file) =>
    /samples_.*\.jsonl$/.test(file),
  )!;
  return { ran, samples: join(output, samples), metrics: results.results[task]! };
}

const quiet = ({ stdout: _, ...ran }: Ran) => ran;
