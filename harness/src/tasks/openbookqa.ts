import { accAndNorm, letteredChoices, letteredRow, letteredTarget } from './choices.js';
import { defineTask } from './task-schema.js';
import { column, computed } from './template.js';

/** Elementary science that takes a fact and common sense (Mihaylov et al., 2018); the facts are not given. */
export const openbookqa = defineTask({
  task: 'openbookqa',
  dataset_path: 'allenai/openbookqa',
  dataset_name: 'main',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  row: letteredRow('question_stem'),
  doc_to_text: column('question_stem'),
  doc_to_target: computed('{{choices.label.index(answerKey.lstrip())}}', letteredTarget.render),
  doc_to_choice: letteredChoices,
  doc_to_decontamination_query: 'question_stem',
  metric_list: accAndNorm,
  metadata: { version: 1 },
});
