import { MoepressError } from '@moepress/core';
import { loadSamples, type Sample } from '@moepress/harness';
import { findResults } from '../../src/results/find-results.js';
import type { Context } from '../context.js';
import { sampleText } from '../text/sample-text.js';

export interface SamplesOptions {
  readonly task?: string;
  readonly filter?: string;
  /** Only documents that the first metric counts as wrong. */
  readonly wrong?: boolean;
  /** Documents of each task to show. */
  readonly limit: number;
}

/** `moepress samples <results>`: what a model was asked and answered. */
export async function samples(path: string, options: SamplesOptions, context: Context): Promise<void> {
  const all = await loadSamples(await findResults(path));
  const shown = Object.entries(pick(all, options.task)).map(([task, ofTask]) => {
    const kept = ofTask.filter((sample) => isWanted(sample, options));
    return { task, matching: kept.length, samples: kept.slice(0, options.limit) };
  });
  const text = shown.flatMap(({ task, matching, samples: kept }) => [
    `${task}: ${kept.length} of ${matching} samples`,
    ...kept.map((sample) => `\n${sampleText(task, sample)}`),
    '',
  ]);
  context.print(text.join('\n').trimEnd(), shown);
}

function pick(all: Readonly<Record<string, Sample[]>>, task: string | undefined): Record<string, Sample[]> {
  if (task === undefined) return all;
  if (Object.hasOwn(all, task)) return { [task]: all[task]! };
  throw new MoepressError('INPUT_INVALID', {
    message: `There are no samples of ${task}.`,
    where: '--task',
    hint: `Give one of: ${Object.keys(all).join(', ')}.`,
  });
}

function isWanted(sample: Sample, { filter, wrong }: SamplesOptions): boolean {
  if (filter !== undefined && sample.filter !== filter) return false;
  return !wrong || sample[sample.metrics[0]!] === 0;
}
