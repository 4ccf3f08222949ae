import { metricsOf } from '../metric.js';
import type { AskedEntry } from './sweep-entry.js';

/** A number that configurations are compared by. */
export interface Measure {
  /** `distance`, `error`, or the name of a task. */
  readonly name: string;
  /** Name in tables, with the metric of the task. */
  readonly title: string;
  readonly higherIsBetter: boolean;
  /** Whether ratios are more meaningful than differences, as for perplexities. */
  readonly isRatio: boolean;
  of(entry: AskedEntry): number | null;
}

const told: readonly Measure[] = [
  {
    name: 'distance',
    title: 'distance after the final norm',
    higherIsBetter: false,
    isRatio: false,
    of: ({ distance }) => distance,
  },
  {
    name: 'error',
    title: 'mean error of the layers',
    higherIsBetter: false,
    isRatio: false,
    of: ({ error }) => error,
  },
];

/**
 * What is known of some of the entries at least: what the method tells, and one metric of each task; of a task that the
 * best were asked again, one more.
 */
export function measuresOf(entries: readonly AskedEntry[]): Measure[] {
  const first = taskMeasures(entries, false);
  const again = taskMeasures(entries, true);
  return [...told, ...first, ...again].filter((measure) =>
    entries.some((entry) => measure.of(entry) !== null),
  );
}

function taskMeasures(entries: readonly AskedEntry[], isAgain: boolean): Measure[] {
  const scoresOf = (entry: AskedEntry) => (isAgain ? entry.again : entry.scores);
  return metricsOf(entries.map((entry) => ({ scores: scoresOf(entry) }))).map(
    ({ task, key, higherIsBetter }): Measure => ({
      name: isAgain ? `${task}-again` : task,
      title: `${task} (${key.split(',')[0]})${isAgain ? ', asked again' : ''}`,
      higherIsBetter,
      isRatio: key.includes('perplexity'),
      of: (entry) => scoresOf(entry)[task]?.[key] ?? null,
    }),
  );
}

/**
 * Best first, what is not known last; of equals as they come. Numbers of different documents are never compared: where
 * the best were asked again for what they are ranked by, they are ranked by that among each other, before the rest.
 */
export function ranked(entries: readonly AskedEntry[], by: Measure): AskedEntry[] {
  const again = measuresOf(entries).find(({ name }) => name === `${by.name}-again`);
  const isAgain = (entry: AskedEntry) => again !== undefined && again.of(entry) !== null;
  const [best, rest] = [entries.filter(isAgain), entries.filter((entry) => !isAgain(entry))];
  return [...(again ? inOrder(best, again) : []), ...inOrder(rest, by)];
}

function inOrder(entries: readonly AskedEntry[], { of, higherIsBetter }: Measure): AskedEntry[] {
  const worth = (entry: AskedEntry) => {
    const value = of(entry);
    if (value === null || Number.isNaN(value)) return Number.NEGATIVE_INFINITY;
    return higherIsBetter ? value : -value;
  };
  return entries.toSorted((a, b) => (worth(a) === worth(b) ? 0 : worth(b) - worth(a)));
}
