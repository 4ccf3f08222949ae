import { gigabytes } from '../flops.js';
import { layersOf, type Measured } from './commands.js';
import { measureJobs, type Row } from './measure.js';
import type { RealOptions } from './options.js';
import type { Table } from './report.js';
import { shapes } from './shapes.js';
import { short, usual } from './sizes.js';
import { prepare } from './subject.js';

/**
 * Twenty jobs, of each kind at least one: writing, short and long texts, generation, calibration up, down and replayed,
 * comparison of weights, training, serving.
 */
const jobs: Readonly<Record<string, readonly string[]>> = {
  olmoe: [
    ...['apply', 'serve', 'eval-choice', 'eval-fewshot', 'eval-generate', 'eval-rolling'],
    ...['compress-reap', 'compress-fisher-moe', 'compress-cd-moe', 'compress-conmoe', 'refine-cd-moe'],
  ],
  qwen3: ['eval-choice', 'eval-generate', 'compress-reap', 'compress-fisher-moe'],
  'deepseek-v2-lite': ['eval-choice', 'eval-generate', 'compress-reap'],
  'gpt-oss': ['eval-choice', 'compress-reap'],
};

/** The factor by which a command's prediction may exceed what it takes. */
const mostOver = 1.5;

/** Compares what commands say they will take with what they take: never less, and at most half as much again. */
export async function memoryMode(options: RealOptions): Promise<Measured<Row>> {
  const rows: Row[] = [];
  for (const shape of options.shapes ?? shapes) {
    const prepared = await prepare(shape, layersOf(shape, options));
    const sizes = options.short ? short : usual;
    const selection = options.selection ?? jobs[shape.name]!;
    rows.push(
      ...(await measureJobs(prepared, { sizes, selection, bound: options.memoryLimit ?? undefined })),
    );
  }
  return { rows, tablesOf: (all) => [memoryTable(all)], isGood: ({ ran }) => verdict(ran) === 'good' };
}

const memoryTable = (rows: readonly Row[]): Table => ({
  title: 'Anonymous memory: predicted and measured',
  columns: ['shape', 'command', 'predicted', 'measured', 'ratio', 'verdict'],
  rows: rows.map(({ shape, layers, job, ran }) => [
    `${shape}, ${layers} layers`,
    job,
    ran.predicted === null ? '' : gigabytes(ran.predicted),
    gigabytes(ran.anonymous),
    ran.predicted === null ? '' : (ran.predicted / ran.anonymous).toFixed(2),
    verdict(ran),
  ]),
});

function verdict({ outcome, predicted, anonymous }: Row['ran']): string {
  if (outcome !== 'done') return outcome;
  if (predicted === null) return 'nothing predicted';
  if (predicted < anonymous) return 'too little predicted';
  return predicted > mostOver * anonymous ? 'too much predicted' : 'good';
}
