import {
  type Comparison,
  compareSamples,
  fewDisagreements,
  loadGroups,
  loadSamples,
  renderComparisons,
} from '@moepress/harness';
import { findResults } from '../../src/results/find-results.js';
import type { Context } from '../context.js';

export interface CompareCommandOptions {
  readonly seed: number;
}

/** `moepress compare <first> <second>`: two models on the same documents. */
export async function compare(
  first: string,
  second: string,
  { seed }: CompareCommandOptions,
  context: Context,
): Promise<void> {
  const [a, b] = [await findResults(first), await findResults(second)];
  const groups = { ...(await loadGroups(b)), ...(await loadGroups(a)) };
  const comparisons = compareSamples(await loadSamples(a), await loadSamples(b), { seed, groups });
  for (const message of promptWarnings(comparisons)) context.work.progress({ type: 'warning', message });
  const text = [
    `First: ${a}`,
    `Second: ${b}`,
    '',
    renderComparisons(comparisons),
    'Difference: second minus first, with its 95 % interval over documents. p: McNemar (mid-p).',
    ...(comparisons.some(({ interval }) => interval.method === 'score') ? [fewNote] : []),
    'Detectable: the smallest difference that such a run finds four times in five (level 0.05).',
  ];
  context.print(text.join('\n'), { first: a, second: b, comparisons });
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
