import type { SequenceScore } from '@moepress/core';
import { applyFilters } from '../metrics/answer-filters.js';
import { type Contribution, choiceScores, countBytes, countWords, exactMatch } from '../metrics/metrics.js';
import type { ModelResponse, TextScore } from '../model/language-model.js';
import type { ModelRequest } from '../requests/request.js';
import type {
  GenerationTask,
  MetricName,
  MultipleChoiceTask,
  RollingTask,
  Task,
} from '../tasks/task-schema.js';
import type { PreparedTask, Question } from './prepare-task.js';

/** A task with all its requests and answers. */
export interface ScoredTask extends PreparedTask {
  readonly questions: readonly ScoredQuestion[];
}

/** A document with the answers about it. */
export interface ScoredQuestion extends Question {
  /** One answer for each request. */
  readonly responses: readonly ModelResponse[];
  /** One score for each of the task's filters, in their order. */
  readonly scores: readonly DocumentScore[];
}

/** Scores a task by the answers to its requests. */
export function scoreTask(
  prepared: PreparedTask,
  answers: ReadonlyMap<ModelRequest, ModelResponse>,
): ScoredTask {
  const { task, questions } = prepared;
  return {
    ...prepared,
    questions: questions.map((question) => {
      const responses = question.requests.map((request) => answers.get(request)!);
      return { ...question, responses, scores: scoreDocument(task, question.document.fields, responses) };
    }),
  };
}

/** The score of one document under one filter. */
export interface DocumentScore {
  /** `none` for tasks without filters. */
  readonly filter: string;
  /** The answers after filtering. */
  readonly filtered: readonly ModelResponse[];
  readonly contributions: readonly (Contribution & { readonly metric: MetricName })[];
}

/** One score a filter, in the task's order. */
function scoreDocument(task: Task, fields: unknown, responses: readonly ModelResponse[]): DocumentScore[] {
  switch (task.output_type) {
    case 'multiple_choice':
      return [scoreChoices(task, fields, responses as SequenceScore[])];
    case 'loglikelihood_rolling':
      return [scoreText(task, fields, responses[0] as TextScore)];
    case 'generate_until':
      return scoreGeneration(task, fields, responses as string[]);
  }
}

function scoreChoices(
  task: MultipleChoiceTask,
  fields: unknown,
  responses: readonly SequenceScore[],
): DocumentScore {
  const scores = choiceScores(
    responses.map(({ logprob }) => logprob),
    task.doc_to_choice.render(fields),
    task.doc_to_target.render(fields),
  );
  return {
    filter: 'none',
    filtered: responses,
    contributions: task.metric_list.map(({ metric }) => ({ metric, value: scores[metric], weight: 1 })),
  };
}

function scoreText(task: RollingTask, fields: unknown, response: TextScore): DocumentScore {
  const text = (task.doc_to_counted_text ?? task.doc_to_target).render(fields);
  const bytes = countBytes(text);
  const units = {
    word_perplexity: countWords(text),
    byte_perplexity: bytes,
    bits_per_byte: bytes,
    token_perplexity: response.tokens,
  };
  return {
    filter: 'none',
    filtered: [response],
    contributions: task.metric_list.map(({ metric }) => ({
      metric,
      value: response.logprob,
      weight: units[metric],
    })),
  };
}

function scoreGeneration(
  task: GenerationTask,
  fields: unknown,
  responses: readonly string[],
): DocumentScore[] {
  const target = task.doc_to_target.render(fields);
  return task.filter_list.map((pipeline) => {
    const answer = applyFilters(pipeline, responses);
    return {
      filter: pipeline.name,
      filtered: [answer],
      contributions: task.metric_list.map((options) => ({
        metric: options.metric,
        value: exactMatch(answer, target, options),
        weight: 1,
      })),
    };
  });
}
