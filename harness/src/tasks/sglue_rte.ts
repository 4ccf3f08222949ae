import { entailment } from './entailment.js';
import { defineTask } from './schema.js';

/** Textual entailment as SuperGLUE has it (Wang et al., 2019). */
export const sglueRte = defineTask({
  ...entailment('premise', 'hypothesis'),
  task: 'sglue_rte',
  dataset_path: 'aps/super_glue',
  dataset_name: 'rte',
  metadata: { version: 0 },
});
