import { entailment } from './entailment.js';
import { defineTask } from './schema.js';

/** Textual entailment as GLUE has it (Wang et al., 2019). */
export const rte = defineTask({
  ...entailment('sentence1', 'sentence2'),
  task: 'rte',
  dataset_path: 'nyu-mll/glue',
  dataset_name: 'rte',
  metadata: { version: 1 },
});
