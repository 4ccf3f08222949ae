import type { Task } from '../tasks/task-schema.js';

/** A task as the results file records it: lm-evaluation-harness' resolved YAML, defaults written out. */
export function taskConfig(task: Task, shots: number): Record<string, unknown> {
  if (task.recorded) return { ...task.recorded, num_fewshot: shots };
  const choice = task.output_type === 'multiple_choice' ? task.doc_to_choice.source : undefined;
  const prompt = {
    doc_to_text: task.doc_to_text.source,
    doc_to_choice: choice,
    doc_to_target: task.doc_to_target.source,
  };
  const delimiters = { fewshot_delimiter: task.fewshot_delimiter, target_delimiter: task.target_delimiter };
  return defined({
    task: task.task,
    task_alias: task.task_alias,
    dataset_path: task.dataset_path,
    dataset_name: task.dataset_name,
    dataset_kwargs: task.dataset_kwargs,
    training_split: task.training_split,
    validation_split: task.validation_split,
    test_split: task.test_split,
    fewshot_split: task.fewshot_split,
    process_docs: task.process_docs?.source,
    ...prompt,
    unsafe_code: task.unsafe_code,
    description: task.description,
    ...delimiters,
    fewshot_config: {
      sampler: task.fewshot_config?.sampler ?? 'default',
      split: task.fewshot_split ?? null,
      process_docs: task.process_docs?.source ?? null,
      fewshot_indices: null,
      samples: task.fewshot_config?.samples ?? null,
      ...prompt,
      doc_to_choice: choice ?? null,
      gen_prefix: task.gen_prefix?.source ?? null,
      ...delimiters,
    },
    num_fewshot: shots,
    metric_list: task.metric_list,
    output_type: task.output_type,
    ...(task.output_type === 'generate_until' && {
      generation_kwargs: task.generation_kwargs,
      filter_list: task.filter_list,
    }),
    repeats: task.repeats,
    should_decontaminate: task.doc_to_decontamination_query !== undefined,
    doc_to_decontamination_query: task.doc_to_decontamination_query,
    gen_prefix: task.gen_prefix?.source,
    metadata: task.metadata,
  });
}

function defined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
