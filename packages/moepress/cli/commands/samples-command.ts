import { MoepressError } from '@moepress/core';
import type { Sample } from '@moepress/harness';
import { loadResults } from '../../src/results/results.js';
import { jsonOption, resultsHelp } from '../command-options.js';
import type { Context, Define } from '../context.js';
import { count, path } from '../option-values.js';
import { sampleText } from '../text/sample-text.js';

interface SamplesFlags {
  readonly task?: string;
  readonly filter?: string;
  /** Only documents that the first metric counts as wrong. */
  readonly wrong?: boolean;
  /** Documents of each task to show. */
  readonly limit: number;
}

export const define: Define = (command, context) =>
  command
    .argument('<results>', resultsHelp, path)
    .option('--task <name>', 'only this task')
    .option('--filter <name>', 'only answers under this filter')
    .option('--wrong', 'only answers that the first metric counts as wrong')
    .option('--limit <n>', 'samples of each task', count, 5)
    .addOption(jsonOption())
    .action(async (results, flags) => showSamples(results, flags, await context({})));

async function showSamples(path: string, flags: SamplesFlags, context: Context): Promise<void> {
  const { samples: all } = await loadResults(path);
  const shown = Object.entries(pick(all, flags.task)).map(([task, ofTask]) => {
    const kept = ofTask.filter((sample) => isWanted(sample, flags));
    return { task, matching: kept.length, samples: kept.slice(0, flags.limit) };
  });
  const text = shown.flatMap(({ task, matching, samples: kept }) => [
    `${task}: ${kept.length} of ${matching} samples`,
    ...kept.map((sample) => `\n${sampleText(task, sample)}`),
    '',
  ]);
  context.print(text.join('\n').trimEnd(), shown);
}

type SamplesByTask = Readonly<Record<string, readonly Sample[]>>;

function pick(all: SamplesByTask, task: string | undefined): SamplesByTask {
  if (task === undefined) return all;
  if (Object.hasOwn(all, task)) return { [task]: all[task]! };
  throw new MoepressError('INPUT_INVALID', {
    message: `There are no samples of ${task}.`,
    where: '--task',
    hint: `Give one of: ${Object.keys(all).join(', ')}.`,
  });
}

function isWanted(sample: Sample, { filter, wrong }: SamplesFlags): boolean {
  if (filter !== undefined && sample.filter !== filter) return false;
  return !wrong || sample[sample.metrics[0]!] === 0;
}
