import { z } from 'zod';
import type { Template } from './template.js';

/** Documents differ from task to task; each template knows its own through the task's `row` schema. */
function templateOf<Value>() {
  return z.custom<Template<unknown, Value>>(
    (value) => typeof (value as Template<unknown, Value> | null)?.render === 'function',
    'must be made by template() or computed()',
  );
}

const regexFilter = z.strictObject({
  function: z.literal('regex'),
  /** Which match counts when there are several: 0 the first, -1 the last. */
  group_select: z.int().optional(),
  /** Python syntax. */
  regex_pattern: z.string(),
});

const takeFirstFilter = z.strictObject({ function: z.literal('take_first') });

const filterPipelineSchema = z.strictObject({
  name: z.string(),
  filter: z.array(z.discriminatedUnion('function', [regexFilter, takeFirstFilter])),
});

/** The mean over documents, spelt out or not: the results file repeats the task's own words. */
const meanMetric = z.strictObject({
  metric: z.enum(['acc', 'acc_norm']),
  aggregation: z.literal('mean').optional(),
  higher_is_better: z.literal(true).optional(),
});

const exactMatchSchema = z.strictObject({
  metric: z.literal('exact_match'),
  aggregation: z.literal('mean'),
  higher_is_better: z.literal(true),
  ignore_case: z.boolean(),
  ignore_punctuation: z.literal(false),
  /** Python patterns removed from prediction and gold alike, in this order. */
  regexes_to_ignore: z.array(z.string()),
});

const perplexityMetric = z.strictObject({
  metric: z.enum(['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'token_perplexity']),
});

const generationSchema = z.strictObject({
  /** The text is cut at the first of these; the end-of-text token always stops too. */
  until: z.array(z.string().min(1)),
  do_sample: z.literal(false),
  temperature: z.literal(0).optional(),
  max_gen_toks: z.int().positive().optional(),
});

/** Where examples come from, if not drawn anew for each document from a split. */
const fewshotConfigSchema = z.strictObject({
  /** Always the first of the examples. */
  sampler: z.literal('first_n'),
  /** The examples themselves, instead of a split. */
  samples: z.array(z.record(z.string(), z.string())).optional(),
});

const common = {
  task: z.string().regex(/^\w+$/),
  /** Its name in tables, if different: a subject's name inside its group. */
  task_alias: z.string().optional(),
  dataset_path: z.string(),
  dataset_name: z.string().optional(),
  /** Files of a dataset that is not on the Hub, by split; `sample_by` cuts a text file into rows. */
  dataset_kwargs: z
    .strictObject({
      data_files: z.record(z.string(), z.string()),
      sample_by: z.literal('paragraph').optional(),
    })
    .optional(),
  training_split: z.string().optional(),
  validation_split: z.string().optional(),
  test_split: z.string().optional(),
  fewshot_split: z.string().optional(),
  fewshot_config: fewshotConfigSchema.optional(),
  /** What a row must hold for the templates to work; other columns are kept for the document's hash. */
  row: z.custom<z.ZodType<object>>(
    (value) => typeof (value as z.ZodType | null)?.safeParse === 'function',
    'must be a zod schema',
  ),
  /** Columns computed from a row, put behind its own. */
  process_docs: templateOf<Readonly<Record<string, unknown>>>().optional(),
  doc_to_text: templateOf<string>(),
  description: z.string().default(''),
  target_delimiter: z.string().default(' '),
  fewshot_delimiter: z.string().default('\n\n'),
  /** Default number of examples; an explicit 0 cannot be overridden, as in lm-evaluation-harness. */
  num_fewshot: z.int().nonnegative().optional(),
  doc_to_decontamination_query: z.string().optional(),
  metadata: z.strictObject({ version: z.number() }),
};

/** Log-likelihood of each choice after the context; the likeliest is the answer. */
const multipleChoiceTask = z.strictObject({
  ...common,
  output_type: z.literal('multiple_choice'),
  /** The context, or one for each choice. */
  doc_to_text: templateOf<string | readonly string[]>(),
  /** Index of the right choice. */
  doc_to_target: templateOf<number>(),
  doc_to_choice: templateOf<readonly string[]>(),
  metric_list: z.array(meanMetric).min(1),
});

/** Greedy text after the context, filtered, then compared with the target. */
const generationTask = z.strictObject({
  ...common,
  output_type: z.literal('generate_until'),
  doc_to_target: templateOf<string>(),
  generation_kwargs: generationSchema,
  filter_list: z.array(filterPipelineSchema).min(1),
  metric_list: z.array(exactMatchSchema).length(1),
});

/** Log-likelihood of a whole text. */
const rollingTask = z.strictObject({
  ...common,
  output_type: z.literal('loglikelihood_rolling'),
  /** The text the model reads. */
  doc_to_target: templateOf<string>(),
  /** The text whose words and bytes are counted, if it is not the text that the model reads. */
  doc_to_counted_text: templateOf<string>().optional(),
  metric_list: z.array(perplexityMetric).min(1),
});

/**
 * A task in lm-evaluation-harness' own vocabulary: its YAML, typed. Adding a task is adding one file
 * of this data beside the others and one line in the registry.
 */
const taskSchema = z
  .discriminatedUnion('output_type', [multipleChoiceTask, generationTask, rollingTask])
  .refine(
    ({ test_split, validation_split }) => test_split !== undefined || validation_split !== undefined,
    'needs a test_split or a validation_split',
  );

export type Task = z.output<typeof taskSchema>;
export type TaskDefinition = z.input<typeof taskSchema>;
export type MultipleChoiceTask = z.output<typeof multipleChoiceTask>;
export type GenerationTask = z.output<typeof generationTask>;
export type RollingTask = z.output<typeof rollingTask>;
export type FilterPipeline = z.output<typeof filterPipelineSchema>;
export type ExactMatch = z.output<typeof exactMatchSchema>;
export type MetricName = Task['metric_list'][number]['metric'];

/** The test split if there is one, else the validation split. */
export function scoredSplit(task: Pick<Task, 'test_split' | 'validation_split'>): string {
  return (task.test_split ?? task.validation_split)!;
}

/** Checks a task's data when its file is loaded; a wrong task is a programming error and throws ZodError. */
export function defineTask(definition: TaskDefinition): Task {
  return taskSchema.parse(definition);
}
