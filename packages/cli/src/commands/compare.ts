import { compareSamples, loadSamples, renderComparisons } from '@moepress/harness';
import type { Context } from '../context.js';
import { findResults } from '../results/find.js';

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
  const comparisons = compareSamples(await loadSamples(a), await loadSamples(b), { seed });
  const text = [
    `First: ${a}`,
    `Second: ${b}`,
    '',
    renderComparisons(comparisons),
    'Difference: second minus first, with the paired bootstrap interval over documents. p: McNemar (mid-p).',
    'Detectable: the smallest difference that such a run finds four times in five (level 0.05).',
  ];
  context.print(text.join('\n'), { first: a, second: b, comparisons });
}
