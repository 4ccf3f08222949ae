import type { ScoredTask } from '../evaluation/score-task.js';
import { aggregate, findMetric } from '../metrics/metric.js';
import type { LanguageModel } from '../model/language-model.js';
import { fewshotSeed } from '../requests/fewshot.js';
import { taskHash } from './sample.js';
import { taskConfig } from './task-config.js';

/** The lm-evaluation-harness whose prompts, scores and files these are. */
export const imitatedVersion = '0.5.0.dev1';
const imitatedCommit = '4e7e0d47';

/** A results file in lm-evaluation-harness' schema. */
export interface ResultsRecord {
  readonly results: Readonly<Record<string, TaskResult>>;
  readonly group_subtasks: Readonly<Record<string, readonly string[]>>;
  readonly configs: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly versions: Readonly<Record<string, number>>;
  readonly 'n-shot': Readonly<Record<string, number>>;
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
  readonly 'n-samples': Readonly<Record<string, { readonly original: number; readonly effective: number }>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly date: number;
  readonly model_name: string;
  readonly model_name_sanitized: string;
  readonly [key: string]: unknown;
}

/** `metric,filter` and `metric_stderr,filter` to numbers; a stderr without formula is `N/A`. */
export interface TaskResult {
  readonly name: string;
  readonly alias: string;
  readonly sample_len: number;
  readonly [metric: string]: number | string;
}

export interface RunFacts {
  readonly model: LanguageModel;
  readonly limit: number | undefined;
  readonly started: Date;
  readonly seconds: number;
}

export function buildRecord(tasks: readonly ScoredTask[], run: RunFacts): ResultsRecord {
  const byName = [...tasks].sort((a, b) => (a.task.task < b.task.task ? -1 : 1));
  return {
    results: keyed(tasks, taskResult),
    group_subtasks: {},
    configs: keyed(byName, ({ task, shots }) => taskConfig(task, shots)),
    versions: keyed(byName, ({ task }) => task.metadata.version),
    'n-shot': keyed(byName, ({ shots }) => shots),
    higher_is_better: keyed(byName, ({ task }) =>
      Object.fromEntries(task.metric_list.map(({ metric }) => [metric, findMetric(metric).higherIsBetter])),
    ),
    'n-samples': keyed(tasks, ({ available, questions }) => ({
      original: available,
      effective: questions.length,
    })),
    ...runRecord(run),
    task_hashes: keyed(tasks, ({ samples }) => taskHash(samples)),
    ...modelRecord(run.model),
    total_evaluation_time_seconds: String(run.seconds),
  };
}

function keyed<Value>(
  tasks: readonly ScoredTask[],
  value: (task: ScoredTask) => Value,
): Record<string, Value> {
  return Object.fromEntries(tasks.map((task) => [task.task.task, value(task)]));
}

function taskResult({ task, questions, scores }: ScoredTask): TaskResult {
  const filters = scores[0]!.map(({ filter }, position) => ({
    filter,
    ofDocuments: scores.map((score) => score[position]!.contributions),
  }));
  const numbers = filters.flatMap(({ filter, ofDocuments }) =>
    task.metric_list.flatMap(({ metric }, position) => {
      const contributions = ofDocuments.map((document) => document[position]!);
      const { value, stderr } = aggregate(metric, contributions);
      return [
        [`${metric},${filter}`, value],
        [`${metric}_stderr,${filter}`, stderr ?? 'N/A'],
      ] as const;
    }),
  );
  return { name: task.task, alias: task.task, sample_len: questions.length, ...Object.fromEntries(numbers) };
}

function runRecord({ model, limit, started }: RunFacts) {
  return {
    config: {
      model: model.name,
      model_args: model.settings ?? null,
      batch_size: null,
      batch_sizes: [],
      device: null,
      use_cache: null,
      limit: limit ?? null,
      bootstrap_iters: 100000,
      gen_kwargs: null,
      random_seed: 0,
      numpy_seed: 1234,
      torch_seed: 1234,
      fewshot_seed: fewshotSeed,
    },
    git_hash: null,
    date: started.getTime() / 1000,
    pretty_env_info: `moepress on Node ${process.version}, ${process.platform} ${process.arch}; follows lm-evaluation-harness ${imitatedVersion} (${imitatedCommit})`,
    transformers_version: 'N/A',
    lm_eval_version: imitatedVersion,
    upper_git_hash: null,
  };
}

function modelRecord({ name }: LanguageModel) {
  return {
    model_source: 'CUSTOM',
    model_name: name,
    model_name_sanitized: name.replace(/["<>:/|\\?*[\]]+/g, '__'),
    system_instruction: null,
    system_instruction_sha: null,
    fewshot_as_multiturn: true,
    chat_template: null,
    chat_template_sha: null,
  };
}
