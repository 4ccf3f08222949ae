import { sha256 } from '@moepress/core';
import type { DocumentScore, ScoredQuestion, ScoredTask } from '../evaluation/score-task.js';
import type { Answer } from '../metrics/answer-filters.js';
import { aggregationOf, type ChosenMetric } from '../metrics/metrics.js';
import type { ModelResponse } from '../model/language-model.js';
import { dumps, floatRepr } from '../python/json.js';
import type { ModelRequest } from '../requests/request.js';
import type { Task } from '../tasks/task-schema.js';

/** One line of a samples file: a document under one filter. Each metric adds a key of its own. */
export interface Sample {
  readonly doc_id: number;
  readonly doc: Readonly<Record<string, unknown>>;
  readonly target: string;
  readonly arguments: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly resps: readonly (readonly StringifiedResponse[])[];
  readonly filtered_resps: readonly StringifiedResponse[];
  readonly filter: string;
  readonly metrics: readonly string[];
  readonly doc_hash: string;
  readonly prompt_hash: string;
  readonly target_hash: string;
  readonly [metric: string]: unknown;
}

/** A pair is written as its log-likelihood and whether it is greedy, in Python's words. */
type StringifiedResponse = string | readonly StringifiedResponse[];

/** All documents of a task under its first filter, then all under the next. */
export function buildSamples({ task, questions }: ScoredTask): Sample[] {
  const filters = questions[0]!.scores.keys();
  return [...filters].flatMap((filter) =>
    questions.map((question) => buildSample(task, question, question.scores[filter]!)),
  );
}

function buildSample(
  task: Task,
  { document, requests, responses }: ScoredQuestion,
  { filter, filtered, contributions }: DocumentScore,
): Sample {
  const target = targetOf(task, document.fields);
  // All are answers to one question.
  const isRepeated = task.output_type === 'generate_until';
  return {
    doc_id: document.id,
    doc: document.row,
    target,
    arguments: Object.fromEntries(
      (isRepeated ? requests.slice(0, 1) : requests).map((request, i) => [
        `gen_args_${i}`,
        requestArguments(task, request),
      ]),
    ),
    resps: isRepeated ? [responses.map(stringify)] : responses.map((response) => [stringify(response)]),
    filtered_resps: filtered.map(stringify),
    filter,
    metrics: contributions.map(({ metric }) => metric),
    doc_hash: sha256(dumps(document.row, 2, { pythonWords: true })),
    prompt_hash: sha256(promptOf(requests[0]!)),
    target_hash: sha256(target),
    ...Object.fromEntries(
      contributions.map(({ metric, value, weight, pair }, i) => [
        metric,
        pair ?? (isWeighted(task.metric_list[i]!) ? [value, weight] : value),
      ]),
    ),
  };
}

/** A hash of the question: equal hashes mean the same documents, prompts and targets. */
export function taskHash(samples: readonly Sample[]): string {
  return sha256(samples.map((s) => s.doc_hash + s.prompt_hash + s.target_hash).join(''));
}

/** The index of the right choice, unless it is the contexts that differ, or the text to be generated or scored. */
function targetOf(task: Task, fields: unknown): string {
  if (task.doc_to_logged_target) return task.doc_to_logged_target.render(fields);
  const target = task.doc_to_target.render(fields);
  if (task.output_type !== 'multiple_choice') return String(target);
  const differ = typeof task.doc_to_text.render(fields) !== 'string';
  return differ ? task.doc_to_choice.render(fields)[target as number]! : String(target);
}

function promptOf(request: ModelRequest): string {
  return request.kind === 'loglikelihood_rolling' ? request.text : request.context;
}

function requestArguments(task: Task, request: ModelRequest): Record<string, unknown> {
  const arg_0 = promptOf(request);
  if (request.kind === 'loglikelihood') return { arg_0, arg_1: request.continuation };
  return task.output_type === 'generate_until' ? { arg_0, arg_1: task.generation_kwargs } : { arg_0 };
}

/** Whether documents count for as much as they are long. */
const isWeighted = (chosen: ChosenMetric): boolean =>
  ['weighted_perplexity', 'bits_per_byte'].includes(aggregationOf(chosen));

function stringify(response: ModelResponse | Answer): StringifiedResponse {
  if (typeof response === 'string') return response;
  if (Array.isArray(response)) return response.map(stringify);
  if (response === null) return 'None';
  if (typeof response === 'number') return String(response);
  if (typeof response === 'boolean') return response ? 'True' : 'False';
  if (!('logprob' in response)) return String(response);
  const logprob = floatRepr(response.logprob);
  return 'isGreedy' in response ? [logprob, response.isGreedy ? 'True' : 'False'] : logprob;
}
