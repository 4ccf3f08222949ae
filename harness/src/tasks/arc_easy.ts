import { letteredChoices, letteredRow, letteredTarget } from './lettered.js';
import { defineTask } from './schema.js';
import { template } from './template.js';

const question = template('Question: {{question}}\nAnswer:');

/** The easy part of the AI2 Reasoning Challenge: school science questions (Clark et al., 2018). */
export const arcEasy = defineTask({
  task: 'arc_easy',
  dataset_path: 'allenai/ai2_arc',
  dataset_name: 'ARC-Easy',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  row: letteredRow('question'),
  doc_to_text: question,
  doc_to_target: letteredTarget,
  doc_to_choice: letteredChoices,
  doc_to_decontamination_query: question.source,
  metric_list: [
    { metric: 'acc', aggregation: 'mean', higher_is_better: true },
    { metric: 'acc_norm', aggregation: 'mean', higher_is_better: true },
  ],
  metadata: { version: 1 },
});
