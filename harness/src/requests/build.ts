import type { Task } from '../tasks/schema.js';
import type { Document } from './document.js';
import type { ModelRequest } from './request.js';

/** Tokens generated at most if the task does not say. */
const defaultMaxGenTokens = 256;

/** What the model is asked about one document; `prefix` is its description and few-shot examples. */
export function buildRequests(task: Task, { fields }: Document, prefix: string): ModelRequest[] {
  if (task.output_type === 'loglikelihood_rolling') {
    return [{ kind: 'loglikelihood_rolling', text: task.doc_to_target.render(fields) }];
  }
  const context = prefix + task.doc_to_text.render(fields);
  if (task.output_type === 'generate_until') {
    const { until, max_gen_toks: maxGenTokens = defaultMaxGenTokens } = task.generation_kwargs;
    return [{ kind: 'generate_until', context, until, maxGenTokens }];
  }
  return task.doc_to_choice
    .render(fields)
    .map((choice) => ({ kind: 'loglikelihood', context, continuation: task.target_delimiter + choice }));
}
