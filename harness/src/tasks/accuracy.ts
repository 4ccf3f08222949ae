import type { MultipleChoiceTask } from './schema.js';

type ChoiceMetrics = MultipleChoiceTask['metric_list'];

/** Accuracy by log-likelihood. */
export const acc: ChoiceMetrics = [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }];

/** The same, and by log-likelihood per character. */
export const accAndNorm: ChoiceMetrics = [
  ...acc,
  { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true },
];
