import { z } from 'zod';
import { filterPipelineSchema } from '../tasks/filter-schema.js';

/** A text in which names are looked for, a number, a list or a map; functions are taken out before. */
const spec = z.union([z.string(), z.number(), z.array(z.unknown()), z.record(z.string(), z.unknown())]);
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? null);

const split = optional(z.string());

/** What a task file says of examples; what it does not say is that of questions. */
const fewshotSchema = z.strictObject({
  sampler: z.enum(['default', 'first_n']).default('default'),
  split: z.string().nullish(),
  samples: z.array(z.record(z.string(), z.unknown())).nullish(),
  /** lm-evaluation-harness 0.4.13 reads these and makes no use of them. */
  fewshot_indices: z.null().optional(),
  process_docs: z.null().optional(),
  doc_to_text: spec.nullish(),
  doc_to_choice: spec.nullish(),
  doc_to_target: spec.nullish(),
  gen_prefix: z.string().nullish(),
  fewshot_delimiter: z.string().optional(),
  target_delimiter: z.string().optional(),
});

const filePath = z.union([z.string(), z.record(z.string(), z.string())]);

/**
 * A task as a task file describes it, by `TaskConfig` of lm-evaluation-harness 0.4.13 (config/task.py): keys that it does
 * not have are refused, as it refuses them.
 */
export const configSchema = z.strictObject({
  task: z.string(),
  task_alias: optional(z.string()),
  dataset_path: z.string('names the dataset'),
  dataset_name: optional(z.string()),
  dataset_kwargs: optional(
    z.strictObject({
      data_files: filePath.optional(),
      /** Newer versions of the `datasets` library have no such thing. */
      trust_remote_code: z.unknown().optional(),
    }),
  ),
  training_split: split,
  validation_split: split,
  test_split: split,
  fewshot_split: split,
  doc_to_text: spec,
  doc_to_target: spec,
  doc_to_choice: optional(spec),
  description: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
  target_delimiter: z.string().default(' '),
  fewshot_delimiter: z.string().default('\n\n'),
  fewshot_config: optional(fewshotSchema),
  num_fewshot: optional(z.int().nonnegative()),
  metric_list: optional(z.array(z.looseObject({ metric: z.string() }))),
  output_type: z
    .enum(['generate_until', 'multiple_choice', 'loglikelihood', 'loglikelihood_rolling'])
    .default('generate_until'),
  generation_kwargs: optional(z.record(z.string(), z.unknown())),
  repeats: z.int().positive().default(1),
  filter_list: optional(z.union([z.array(z.unknown()), z.string()])),
  should_decontaminate: z.unknown().optional(),
  doc_to_decontamination_query: z.unknown().optional(),
  gen_prefix: optional(z.string()),
  metadata: optional(z.looseObject({ version: z.unknown().optional() })),
  /** Code that answers are run with, images and sounds, prompts of other libraries: told apart before. */
  unsafe_code: z.literal(false).optional(),
  doc_to_image: z.null().optional(),
  doc_to_audio: z.null().optional(),
  use_prompt: z.null().optional(),
  process_docs: z.null().optional(),
  process_results: z.null().optional(),
  custom_dataset: z.null().optional(),
});

export type TaskFileConfig = z.output<typeof configSchema>;

export const filtersSchema = z.array(filterPipelineSchema).min(1);
