import { z } from 'zod';
import { defineTask } from './schema.js';
import { template } from './template.js';

/** Perplexity over documents of the embedded model's training distribution that it never saw. */
export const tinyHeldout = defineTask({
  task: 'tiny_heldout',
  dataset_path: 'text',
  dataset_kwargs: { data_files: { test: 'heldout.txt' }, sample_by: 'paragraph' },
  output_type: 'loglikelihood_rolling',
  test_split: 'test',
  row: z.object({ text: z.string().min(1) }),
  doc_to_text: template(''),
  doc_to_target: template('{{text}}'),
  metric_list: [
    { metric: 'word_perplexity' },
    { metric: 'byte_perplexity' },
    { metric: 'bits_per_byte' },
    { metric: 'token_perplexity' },
  ],
  metadata: { version: 1 },
});
