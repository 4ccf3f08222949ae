import { gigabytes } from '../flops.js';
import { layersOf, type Measured } from './commands.js';
import { measureJobs, type Row } from './measure.js';
import type { RealOptions } from './options.js';
import { shapes } from './shapes.js';
import { short, usual } from './sizes.js';
import { prepare } from './subject.js';

/** A job of each kind: writing, short and long texts, generation, calibration up, down and replayed, training, serving. */
const jobs = [
  'apply',
  'eval-choice',
  'eval-fewshot',
  'eval-generate',
  'compress-reap',
  'compress-fisher-moe',
  'compress-cd-moe',
  'refine-cd-moe',
  'refine-distil',
  'serve',
];

/** The factor by which a command's prediction may exceed what it takes. */
const mostOver = 1.5;

/** Compares what commands say they will take with what they take: never less, and at most half as much again. */
export async function memoryMode(options: RealOptions): Promise<Measured> {
  const rows: Row[] = [];
  for (const shape of shapes) {
    const prepared = await prepare(shape, layersOf(shape, options));
    const selection = options.selection ?? jobs;
    rows.push(
      ...(await measureJobs(prepared, {
        sizes: options.short ? short : usual,
        selection,
        bound: options.memoryLimit ?? undefined,
      })),
    );
  }
  const table = {
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
  };
  return { tables: [table], data: rows, good: rows.every(({ ran }) => verdict(ran) === 'good') };
}

function verdict({ outcome, predicted, anonymous }: Row['ran']): string {
  if (outcome !== 'done') return outcome;
  if (predicted === null) return 'nothing predicted';
  if (predicted < anonymous) return 'too little predicted';
  return predicted > mostOver * anonymous ? 'too much predicted' : 'good';
}
