import { type Comparison, fewDisagreements, renderComparisons } from '@moepress/harness';
import { compareResults, loadResults } from '../../src/results/results.js';
import { jsonOption, resultsHelp } from '../command-options.js';
import type { Context, Define } from '../context.js';
import { integer, path } from '../option-values.js';

export const define: Define = (command, context) =>
  command
    .argument('<first>', resultsHelp, path)
    .argument('<second>', resultsHelp, path)
    .option('--seed <n>', 'seed of the bootstrap', integer, 1234)
    .addOption(jsonOption())
    .action(async (first, second, { seed }) => compare(first, second, seed, await context({})));

async function compare(first: string, second: string, seed: number, context: Context): Promise<void> {
  const [a, b] = [await loadResults(first), await loadResults(second)];
  const comparisons = await compareResults(a, b, { seed });
  for (const message of promptWarnings(comparisons)) context.work.onProgress({ type: 'warning', message });
  const text = [
    `First: ${a.file}`,
    `Second: ${b.file}`,
    '',
    renderComparisons(comparisons),
    'Difference: second minus first, with its 95 % interval over documents. p: McNemar (mid-p).',
    ...(comparisons.some(({ interval }) => interval.method === 'score') ? [fewNote] : []),
    'Detectable: the smallest difference that such a run finds four times in five (level 0.05).',
  ];
  context.print(text.join('\n'), { first: a.file, second: b.file, comparisons });
}

const fewNote = `By score: fewer than ${fewDisagreements} documents tell the models apart, so few that one more or less changes the picture. The interval is that of the score test, as resampled ones are too narrow there; where fewer than 6 do, no difference reaches the level 0.05.`;

/** One for each task: its metrics and filters are of the same prompts. */
function promptWarnings(comparisons: readonly Comparison[]): Set<string> {
  const different = comparisons.filter(
    ({ pooled, differentPrompts }) => pooled === null && differentPrompts > 0,
  );
  return new Set(
    different.map(
      ({ task, items, differentPrompts }) =>
        `The models were asked differently: ${differentPrompts} of ${items} prompts of ${task} are not the same in both results (other examples or templates). What differs is not the models alone.`,
    ),
  );
}
