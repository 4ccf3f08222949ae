/** A row of the table that compares moepress with lm-evaluation-harness and transformers. */
export interface TableRow {
  readonly name: string;
  readonly task: string;
  /** Documents; null: all. */
  readonly limit: number | null;
  /** null: the task's own number. */
  readonly shots: number | null;
  /** Requests that the peer puts together. */
  readonly batch: number;
}

export const tableRows: readonly TableRow[] = [
  { name: 'arc_easy-150', task: 'arc_easy', limit: 150, shots: null, batch: 16 },
  { name: 'arc_easy', task: 'arc_easy', limit: null, shots: null, batch: 16 },
  { name: 'hellaswag-60', task: 'hellaswag', limit: 60, shots: null, batch: 16 },
  { name: 'mmlu_astronomy-40', task: 'mmlu_astronomy', limit: 40, shots: 5, batch: 4 },
  { name: 'mmlu_astronomy', task: 'mmlu_astronomy', limit: null, shots: 5, batch: 4 },
  { name: 'gsm8k-4', task: 'gsm8k', limit: 4, shots: 5, batch: 4 },
  { name: 'wikitext-2', task: 'wikitext', limit: 2, shots: null, batch: 16 },
];
