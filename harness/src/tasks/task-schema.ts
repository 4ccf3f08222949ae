import { z } from 'zod';
import { filterPipelineSchema } from './filter-schema.js';
import {
  answerMetricSchema,
  choiceMetricSchema,
  continuationMetricSchema,
  textMetricSchema,
} from './metric-schema.js';
import type { Template } from './template.js';

/** Documents differ from task to task; each template knows its own through the task's `row` schema. */
function templateOf<Value>() {
  return z.custom<Template<unknown, Value>>(
    (value) => typeof (value as Template<unknown, Value> | null)?.render === 'function',
    'must be made by template() or computed()',
  );
}

const tokenCount = z.int().positive().optional();

export const generationSchema = z.strictObject({
  /** The text is cut at the first of these; the end-of-text token always stops too. */
  until: z.union([z.string(), z.array(z.string())]),
  do_sample: z.boolean().optional(),
  temperature: z.number().optional(),
  max_gen_toks: tokenCount,
  /** Other names of `max_gen_toks`, which comes before them. */
  max_new_tokens: tokenCount,
  max_tokens: tokenCount,
  max_completion_tokens: tokenCount,
  num_beams: z.literal(1).optional(),
  /** Of tokens that are drawn, see `SamplingRequest`; they have no say where the likeliest is taken. */
  top_p: z.number().optional(),
  top_k: z.number().optional(),
});

/** Where examples come from, if not drawn anew for each document from a split. */
const fewshotConfigSchema = z.strictObject({
  /** Always the first of the examples, or drawn anew for each document. */
  sampler: z.enum(['default', 'first_n']),
  /** The examples themselves, instead of a split. */
  samples: z.array(z.record(z.string(), z.unknown())).optional(),
});

/** Names of tasks, of which names of files are made. */
export const taskName: RegExp = /^[\p{L}\p{N}_.():+-]+$/u;

/** A document as an example, where task files say more of examples than of questions. */
export interface SolvedExample {
  readonly question: string;
  readonly answer: string | null;
  readonly genPrefix: string | null;
  readonly targetDelimiter: string;
  readonly fewshotDelimiter: string;
}

/** Where the fields of documents come from that are no columns: the input of templates. */
export interface FieldSource {
  /** The fields of rows of the scored split. */
  questions(rows: readonly object[]): readonly { readonly fields: unknown }[];
  /** The fields of examples, given the rows of the scored split. */
  examples(rows: readonly object[], scored: readonly object[]): readonly { readonly fields: unknown }[];
}

const common = {
  task: z.string().regex(taskName),
  /** Its name in tables, if different: a subject's name inside its group. */
  task_alias: z.string().optional(),
  dataset_path: z.string(),
  dataset_name: z.string().optional(),
  /** Files of a dataset that is not on the Hub, by split; `sample_by` cuts a text file into rows. */
  dataset_kwargs: z
    .strictObject({
      data_files: z.record(z.string(), z.string()),
      sample_by: z.literal('paragraph').optional(),
      /** The folder of files that a task file of that folder names. */
      folder: z.string().optional(),
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
  /** Rows made of the rows of a split, or some of them. */
  process_rows: z.custom<(rows: readonly object[]) => readonly object[]>().optional(),
  /** Of a task file, whose templates are rendered elsewhere: the fields of its documents. */
  fields: z.custom<FieldSource>().optional(),
  /** The example that a document makes, if it is not made of the templates below. */
  doc_to_example: templateOf<SolvedExample>().optional(),
  /** The description before a document's examples, if they differ. */
  doc_to_description: templateOf<string>().optional(),
  /** The target as samples record it, if it is not that of the template below. */
  doc_to_logged_target: templateOf<string>().optional(),
  /** The task as results record it, if it is not what is written here. */
  recorded: z.record(z.string(), z.unknown()).optional(),
  /** Whether it runs programs that the model wrote, which whoever evaluates has to allow. */
  unsafe_code: z.boolean().default(false),
  /** How often each question is asked. */
  repeats: z.int().positive().default(1),
  doc_to_text: templateOf<string>(),
  /** What the answer begins with, given to the model. */
  gen_prefix: templateOf<string>().optional(),
  description: z.string().default(''),
  target_delimiter: z.string().default(' '),
  fewshot_delimiter: z.string().default('\n\n'),
  /** Default number of examples; an explicit 0 cannot be overridden, as in lm-evaluation-harness. */
  num_fewshot: z.int().nonnegative().optional(),
  doc_to_decontamination_query: z.string().optional(),
  metadata: z.strictObject({ version: z.union([z.number(), z.string()]) }),
};

/** Log-likelihood of each choice after the context; the likeliest is the answer. */
const multipleChoiceTask = z.strictObject({
  ...common,
  output_type: z.literal('multiple_choice'),
  /** The context, or one for each choice. */
  doc_to_text: templateOf<string | readonly string[]>(),
  /** Index of the right choice, or of several; one that is none of the choices counts as none. */
  doc_to_target: templateOf<number | readonly number[]>(),
  doc_to_choice: templateOf<readonly string[]>(),
  /** The texts by whose lengths log-likelihoods are divided, if they are not the choices. */
  doc_to_measured_choice: templateOf<readonly string[]>().optional(),
  /** Names of filters, none of which change log-likelihoods; `none` by default. */
  filters: z.array(z.string()).min(1).optional(),
  metric_list: z.array(choiceMetricSchema).min(1),
});

/** Log-likelihood of the target after the context. */
const continuationTask = z.strictObject({
  ...common,
  output_type: z.literal('loglikelihood'),
  doc_to_target: templateOf<string>(),
  metric_list: z.array(continuationMetricSchema).min(1),
});

/** Greedy text after the context, filtered, then compared with the target. */
const generationTask = z.strictObject({
  ...common,
  output_type: z.literal('generate_until'),
  /** The right answer, or several of which one is enough. */
  doc_to_target: templateOf<string | readonly string[]>(),
  /** The column `choices`, where a filter needs it. */
  doc_to_filter_choices: templateOf<unknown>().optional(),
  generation_kwargs: generationSchema,
  filter_list: z.array(filterPipelineSchema).min(1),
  metric_list: z.array(answerMetricSchema).min(1),
  /**
   * The program of Python by whose exit an answer is right, as the model wrote it; answers that are filtered have no say
   * in it. For `pass@k` alone.
   */
  doc_to_program: templateOf<(answer: string) => string>().optional(),
  /** Whether its patterns are a stranger's, and run where they can be stopped. */
  isConfined: z.boolean().default(false),
});

/** Log-likelihood of a whole text. */
const rollingTask = z.strictObject({
  ...common,
  output_type: z.literal('loglikelihood_rolling'),
  /** The text the model reads. */
  doc_to_target: templateOf<string>(),
  /** The text whose words and bytes are counted, if it is not the text that the model reads. */
  doc_to_counted_text: templateOf<string>().optional(),
  metric_list: z.array(textMetricSchema).min(1),
});

/**
 * A task in lm-evaluation-harness' own vocabulary: its YAML, typed. Adding a task is adding one file
 * of this data beside the others and one line in the registry.
 */
export const taskSchema = z
  .discriminatedUnion('output_type', [multipleChoiceTask, continuationTask, generationTask, rollingTask])
  .refine(
    ({ test_split, validation_split }) => test_split !== undefined || validation_split !== undefined,
    'needs a test_split or a validation_split',
  );

export type Task = z.output<typeof taskSchema>;
export type TaskDefinition = z.input<typeof taskSchema>;
export type MultipleChoiceTask = z.output<typeof multipleChoiceTask>;
export type GenerationTask = z.output<typeof generationTask>;
export type RollingTask = z.output<typeof rollingTask>;
export type ContinuationTask = z.output<typeof continuationTask>;
export type GenerationOptions = z.output<typeof generationSchema>;

/** The test split if there is one, else the validation split. */
export function scoredSplit(task: Pick<Task, 'test_split' | 'validation_split'>): string {
  return (task.test_split ?? task.validation_split)!;
}

/** Checks a task's data when its file is loaded; a wrong task is a programming error and throws ZodError. */
export function defineTask(definition: TaskDefinition): Task {
  return taskSchema.parse(definition);
}
