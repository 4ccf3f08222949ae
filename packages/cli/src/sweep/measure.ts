import { metricsOf } from '../leaderboard/metric.js';
import type { Entry } from './entry.js';

/** A number that configurations are compared by. */
export interface Measure {
  /** `distance`, `error`, or the name of a task. */
  readonly name: string;
  /** With the metric of the task. */
  readonly title: string;
  readonly higherIsBetter: boolean;
  /** Whether ratios tell more than differences, as those of perplexities do. */
  readonly isRatio: boolean;
  of(entry: Entry): number | null;
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

/** What is known of some of the entries at least: what the method tells, and one metric of each task. */
export function measuresOf(entries: readonly Entry[]): Measure[] {
  const tasks = metricsOf(entries).map(
    ({ task, key, higherIsBetter }): Measure => ({
      name: task,
      title: `${task} (${key.split(',')[0]})`,
      higherIsBetter,
      isRatio: key.includes('perplexity'),
      of: ({ scores }) => scores[task]?.[key] ?? null,
    }),
  );
  return [...told, ...tasks].filter((measure) => entries.some((entry) => measure.of(entry) !== null));
}

/** Best first, what is not known last; of equals as they come. */
export function ranked(entries: readonly Entry[], { of, higherIsBetter }: Measure): Entry[] {
  const worth = (entry: Entry) => {
    const value = of(entry);
    if (value === null || Number.isNaN(value)) return Number.NEGATIVE_INFINITY;
    return higherIsBetter ? value : -value;
  };
  return [...entries].sort((a, b) => (worth(a) === worth(b) ? 0 : worth(b) - worth(a)));
}
