import type { MultipleChoiceTask, Task } from '../tasks/schema.js';
import type { Document } from './document.js';
import type { LoglikelihoodRequest, ModelRequest } from './request.js';

/** Tokens generated at most if the task does not say. */
const defaultMaxGenTokens = 256;

/** What the model is asked about one document; `prefix` is its description and few-shot examples. */
export function buildRequests(task: Task, { fields }: Document, prefix: string): ModelRequest[] {
  switch (task.output_type) {
    case 'multiple_choice':
      return choiceRequests(task, fields, prefix);
    case 'loglikelihood_rolling':
      return [{ kind: 'loglikelihood_rolling', text: task.doc_to_target.render(fields) }];
    case 'generate_until': {
      const { until, max_gen_toks: maxGenTokens = defaultMaxGenTokens } = task.generation_kwargs;
      const context = prefix + task.doc_to_text.render(fields);
      return [{ kind: 'generate_until', context, until, maxGenTokens }];
    }
  }
}

/** One request a choice: that it follows its context. */
export function choiceRequests(
  task: MultipleChoiceTask,
  fields: unknown,
  prefix: string,
): LoglikelihoodRequest[] {
  const text = task.doc_to_text.render(fields);
  return task.doc_to_choice.render(fields).map((choice, i) => ({
    kind: 'loglikelihood',
    context: prefix + (typeof text === 'string' ? text : text[i]!),
    continuation: task.target_delimiter + choice,
  }));
}
