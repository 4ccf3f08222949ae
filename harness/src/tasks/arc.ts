import { accAndNorm, letteredChoices, letteredRow, letteredTarget } from './choices.js';
import { defineTask, type TaskDefinition } from './task-schema.js';
import { template } from './template.js';

const question = template('Question: {{question}}\nAnswer:');

/** What both parts of the AI2 Reasoning Challenge share: school science questions (Clark et al., 2018). */
const arc = {
  dataset_path: 'allenai/ai2_arc',
  output_type: 'multiple_choice',
  training_split: 'train',
  validation_split: 'validation',
  test_split: 'test',
  row: letteredRow('question'),
  doc_to_text: question,
  doc_to_target: letteredTarget,
  doc_to_choice: letteredChoices,
  doc_to_decontamination_query: question.source,
  metric_list: accAndNorm,
  metadata: { version: 1 },
} satisfies Partial<TaskDefinition>;

/** The questions that retrieval or word statistics answer. */
export const arcEasy = defineTask({ ...arc, task: 'arc_easy', dataset_name: 'ARC-Easy' });

/** The questions that neither retrieval nor word statistics answer. */
export const arcChallenge = defineTask({ ...arc, task: 'arc_challenge', dataset_name: 'ARC-Challenge' });
