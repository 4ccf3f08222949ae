import path from 'node:path';
import { MoepressError } from '@moepress/core';
import { z } from 'zod';
import type { Dataset } from '../datasets/dataset.js';
import { metricNames } from '../metrics/metrics.js';
import { aggregationNames } from '../tasks/metric-schema.js';
import { defineTask, type Task, type TaskDefinition } from '../tasks/task-schema.js';
import { computed } from '../tasks/template.js';
import { configSchema, filtersSchema, type TaskFileConfig } from './config-schema.js';
import { type ExampleFields, fieldSource, type QuestionFields, type Rendering } from './field-source.js';
import { withPorts } from './ports.js';
import type { RawConfig } from './read-task-file.js';
import { refuseForeign, TaskRefusal } from './refusals.js';
import type { FieldSpecs, Spec } from './render-fields.js';

/** Metrics of a task that names none. */
const usualMetrics = {
  loglikelihood: ['perplexity', 'acc'],
  loglikelihood_rolling: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  multiple_choice: ['acc', 'acc_norm'],
  generate_until: ['exact_match'],
} as const;

/** Keys that say which task it is and where it belongs, not how it is run. */
const structural = ['tag', 'group', 'task_list'];

/**
 * The task that a task file describes. `file`: the file, beside which files of data lie. Throws `TASK_INVALID` for what is
 * no task, and `TASK_UNSUPPORTED` for one that needs Python or something else that is not here.
 */
export async function buildTask(raw: RawConfig, file: string): Promise<Task> {
  const named = Object.fromEntries(Object.entries(raw).filter(([key]) => !structural.includes(key)));
  const { config: own, rows, columns } = await withPorts(named);
  refuseForeign(own, file);
  const config = parsedConfig(own, file);
  const { metrics, filters } = { metrics: metricsOf(config, file), filters: filtersOf(config, file) };
  const definition = {
    ...commonFields(config, file),
    fields: fieldSource({ ...renderingOf(config), columns }),
    process_rows: rows,
    recorded: recordOf(own, config),
    ...kindFields(config, filters),
    metric_list: metrics,
  };
  try {
    return defineTask(definition as unknown as TaskDefinition);
  } catch (cause) {
    throw refused(cause, config, file);
  }
}

function parsedConfig(own: RawConfig, file: string): TaskFileConfig {
  const { success, data, error } = configSchema.safeParse(own);
  if (success) return data;
  const { path: at, message } = error.issues[0]!;
  throw new MoepressError('TASK_INVALID', {
    message: `${at.join('.') || 'The task'}: ${message}.`,
    where: file,
  });
}

type Definition = Readonly<Record<string, unknown>>;

function commonFields(config: TaskFileConfig, file: string): Definition {
  const { fewshot_config: fewshot } = config;
  return {
    task: config.task,
    task_alias: config.task_alias ?? undefined,
    dataset_path: config.dataset_path,
    dataset_name: config.dataset_name ?? undefined,
    dataset_kwargs: localFiles(config, file),
    training_split: config.training_split ?? undefined,
    validation_split: config.validation_split ?? undefined,
    test_split: config.test_split ?? undefined,
    fewshot_split: (fewshot?.split === undefined ? config.fewshot_split : fewshot.split) ?? undefined,
    fewshot_config: fewshot
      ? { sampler: fewshot.sampler, ...(fewshot.samples && { samples: fewshot.samples }) }
      : undefined,
    row: z.record(z.string(), z.unknown()),
    doc_to_example: computed('fewshot_config', ({ example }: ExampleFields) => example),
    doc_to_description: computed(config.description, ({ description }: QuestionFields) => description),
    doc_to_logged_target: computed(sourceOf(config.doc_to_target), (doc: QuestionFields) => doc.loggedTarget),
    doc_to_text: computed(sourceOf(config.doc_to_text), ({ text }: QuestionFields) => text),
    doc_to_target: computed(sourceOf(config.doc_to_target), ({ gold }: QuestionFields) => gold),
    gen_prefix:
      config.gen_prefix === null
        ? undefined
        : computed(config.gen_prefix, ({ prefix }: QuestionFields) => prefix),
    target_delimiter: config.target_delimiter,
    fewshot_delimiter: config.fewshot_delimiter,
    num_fewshot: config.num_fewshot ?? undefined,
    repeats: config.repeats,
    metadata: { version: versionOf(config) },
  };
}

/** What only some kinds of tasks have. */
function kindFields(config: TaskFileConfig, filters: z.output<typeof filtersSchema> | null): Definition {
  const { output_type } = config;
  if (output_type === 'multiple_choice') {
    return {
      output_type,
      doc_to_choice: computed(sourceOf(config.doc_to_choice), ({ choices }: QuestionFields) => choices),
      doc_to_measured_choice: computed('doc_to_choice', ({ measured }: QuestionFields) => measured),
      filters: filters?.map(({ name }) => name),
    };
  }
  if (output_type !== 'generate_until') return { output_type };
  return {
    output_type,
    doc_to_filter_choices: computed('choices', ({ filterChoices }: QuestionFields) => filterChoices),
    generation_kwargs: generationOf(config),
    filter_list: filters ?? [{ name: 'none', filter: [{ function: 'take_first' }] }],
    isConfined: true,
  };
}

/** Arguments of generation with what `TaskConfig` puts in. */
function generationOf({ generation_kwargs: given, fewshot_delimiter }: TaskFileConfig): Definition {
  if (given === null) {
    return { temperature: 0, do_sample: false, max_gen_toks: 256, until: [fewshot_delimiter] };
  }
  const temperature = given.temperature === undefined ? {} : { temperature: Number(given.temperature) };
  return { ...given, ...temperature, ...(given.until === undefined && { until: [fewshot_delimiter] }) };
}

function renderingOf(config: TaskFileConfig): Omit<Rendering, 'columns'> {
  const fewshot = config.fewshot_config;
  const question: FieldSpecs = {
    text: config.doc_to_text as Spec,
    target: config.doc_to_target as Spec,
    choice: config.doc_to_choice as Spec,
    prefix: config.gen_prefix,
    description: config.description,
  };
  const over = (own: unknown, usual: Spec): Spec => (own === undefined ? usual : (own as Spec));
  return {
    task: config.task,
    outputType: config.output_type,
    question,
    example: {
      text: over(fewshot?.doc_to_text, question.text) ?? question.text,
      target: over(fewshot?.doc_to_target, question.target) ?? question.target,
      choice: over(fewshot?.doc_to_choice, question.choice),
      prefix: over(fewshot?.gen_prefix, question.prefix),
      description: null,
    },
    delimiters: {
      targetDelimiter: fewshot?.target_delimiter ?? config.target_delimiter,
      fewshotDelimiter: fewshot?.fewshot_delimiter ?? config.fewshot_delimiter,
    },
  };
}

/** Formats of files that are given by name in place of a dataset. */
const fileFormats = ['json', 'csv', 'parquet', 'text'];

/** Files of data beside the task file. Throws `TASK_INVALID` for files that are not, `TASK_UNSUPPORTED` for the Hub's. */
function localFiles(
  { dataset_path, dataset_kwargs, task }: TaskFileConfig,
  file: string,
): Definition | undefined {
  const files = dataset_kwargs?.data_files;
  if (files === undefined) {
    if (!fileFormats.includes(dataset_path)) return undefined;
    throw new MoepressError('TASK_INVALID', { message: `${task} names no file of data.`, where: file });
  }
  if (!fileFormats.includes(dataset_path)) {
    throw new TaskRefusal('files of a dataset', `${task} names files of the dataset ${dataset_path}.`, file);
  }
  const bySplit: NonNullable<Dataset['files']> = typeof files === 'string' ? { train: files } : files;
  const remote = Object.values(bySplit).find((name) => /^\w+:\/\//.test(name));
  if (remote !== undefined) {
    throw new TaskRefusal('files of a dataset', `${task} takes its data from ${remote}.`, file);
  }
  for (const name of Object.values(bySplit)) {
    if (path.isAbsolute(name) || name.split(/[\\/]/).includes('..')) {
      throw new MoepressError('TASK_INVALID', {
        message: `${task} takes its data from ${name}, which does not lie beside the task file.`,
        where: file,
      });
    }
  }
  return { data_files: bySplit, folder: path.dirname(file) };
}

/** Metrics as they are named, all of them known. Throws `TASK_UNSUPPORTED`. */
function metricsOf({ metric_list, output_type, task }: TaskFileConfig, file: string): Definition[] {
  const metrics = metric_list ?? usualMetrics[output_type].map((metric) => ({ metric }));
  for (const { metric, aggregation, hf_evaluate } of metrics as Definition[]) {
    const isKnown = metricNames.includes(metric as (typeof metricNames)[number]);
    if (!isKnown || hf_evaluate === true) {
      throw new TaskRefusal(
        'a metric of the evaluate library',
        `${task} is scored by ${String(metric)}.`,
        file,
      );
    }
    if (aggregation !== undefined && !aggregationNames.includes(aggregation as 'mean')) {
      throw new TaskRefusal('an unknown aggregation', `${task} aggregates by ${String(aggregation)}.`, file);
    }
  }
  return metrics;
}

function filtersOf({ filter_list, output_type, task }: TaskFileConfig, file: string) {
  if (filter_list === null) return null;
  const { success, data, error } = filtersSchema.safeParse(filter_list);
  if (!success) {
    const { path: at, message } = error.issues[0]!;
    throw new TaskRefusal('an unknown filter', `${task}: filter_list.${at.join('.')}: ${message}.`, file);
  }
  const changes = data.some(({ filter }) => filter.some((one) => one.function !== 'take_first'));
  if (output_type === 'generate_until' || !changes) return data;
  throw new TaskRefusal(
    'filters of log-likelihoods',
    `${task} has filters for texts, and its answers are log-likelihoods.`,
    file,
  );
}

function refused(cause: unknown, { task }: TaskFileConfig, file: string): unknown {
  if (!(cause instanceof z.ZodError)) return cause;
  const { path: at, message } = cause.issues[0]!;
  const reasons: Readonly<Record<string, string>> = {
    generation_kwargs: 'arguments of generation',
    metric_list: 'metrics that lm-evaluation-harness cannot aggregate',
  };
  return new TaskRefusal(
    reasons[String(at[0])] ?? 'a wrong value',
    `${task}: ${at.join('.') || 'the task'}: ${message}.`,
    file,
  );
}

function versionOf({ metadata }: TaskFileConfig): number | string {
  const version = metadata?.version;
  return typeof version === 'number' || typeof version === 'string' ? version : 'Yaml';
}

const sourceOf = (spec: unknown): string => (typeof spec === 'string' ? spec : JSON.stringify(spec));

/** The task file's own words, with the defaults of what results are read for. */
function recordOf(own: RawConfig, config: TaskFileConfig): Definition {
  return {
    ...own,
    unsafe_code: false,
    description: config.description,
    target_delimiter: config.target_delimiter,
    fewshot_delimiter: config.fewshot_delimiter,
    output_type: config.output_type,
    ...(config.output_type === 'generate_until' && { generation_kwargs: generationOf(config) }),
    repeats: config.repeats,
    should_decontaminate: own.should_decontaminate ?? false,
  };
}
