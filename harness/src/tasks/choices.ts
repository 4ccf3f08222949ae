import { z } from 'zod';
import { lstrip } from '../python/text.js';
import type { MultipleChoiceTask } from './task-schema.js';
import { computed } from './template.js';

type ChoiceMetrics = MultipleChoiceTask['metric_list'];

/** Accuracy by log-likelihood. */
export const acc: ChoiceMetrics = [{ metric: 'acc', aggregation: 'mean', higher_is_better: true }];

/** Accuracy by log-likelihood, and by log-likelihood per character. */
export const accAndNorm: ChoiceMetrics = [
  ...acc,
  { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true },
];

/** Index of the right one of two choices. */
export const binaryLabel = z.int().min(0).max(1);

const choices = z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) });

/** The columns of ARC and its relatives: labelled choices and the label of the right one. */
export interface Lettered {
  readonly choices: z.output<typeof choices>;
  readonly answerKey: string;
}

/** A row with these text columns and lettered choices. Labels may be A to E or 1 to 5. */
export function letteredRow(...columns: string[]) {
  const texts = Object.fromEntries(columns.map((name) => [name, z.string()]));
  return z
    .object({ ...texts, choices, answerKey: z.string().transform(lstrip) })
    .refine((row) => row.choices.text.length === row.choices.label.length, 'choices need as many labels')
    .refine((row) => row.choices.label.includes(row.answerKey), 'answerKey is none of the labels');
}

export const letteredChoices = computed('{{choices.text}}', (row: Lettered) => row.choices.text);

export const letteredTarget = computed('{{choices.label.index(answerKey)}}', (row: Lettered) =>
  row.choices.label.indexOf(row.answerKey),
);
