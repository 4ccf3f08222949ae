import { describe, expect, it } from 'vitest';
import { capitalize } from '../python/text.js';
import { golden, shared } from '../testing/reference.js';
import { hellaswag, withoutMarks } from './hellaswag.js';

const row = {
  activity_label: 'Roof shingle removal',
  ctx_a: '[header] How to climb [title] Look up.',
  ctx_b: 'the BMX rider',
  endings: ['[substeps] Hold on.', 'falls  down [step] at once.', 'sings.', 'sleeps.'],
  label: '2',
};

describe('hellaswag', () => {
  it('takes out the marks of guides and lowers all but the first letter of the second part', () => {
    const { query, choices, gold } = hellaswag.process_docs!.render(row);
    expect(query).toBe('Roof shingle removal: How to climb. Look up. The bmx rider');
    expect(choices).toEqual([' Hold on.', 'falls down at once.', 'sings.', 'sleeps.']);
    expect(gold).toBe(2);
  });

  it('refuses rows without a label, as those of the hidden test split', () => {
    expect(hellaswag.row.safeParse({ ...row, label: '' }).success).toBe(false);
  });
});

type Line = { in: string; out: string } | { capitalize_in: string; capitalize_out: string };

describe.runIf(shared)('the texts of lm-evaluation-harness', () => {
  it('are the same', () => {
    for (const line of golden<Line>('hellaswag_preprocess.jsonl')) {
      if ('in' in line) expect(withoutMarks(line.in)).toBe(line.out);
      else expect(capitalize(line.capitalize_in)).toBe(line.capitalize_out);
    }
  });
});
