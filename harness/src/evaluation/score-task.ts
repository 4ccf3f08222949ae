import type { SequenceScore } from '@moepress/core';
import type { Contribution } from '../metrics/aggregations.js';
import type { Answer } from '../metrics/answer-filters.js';
import { softmax } from '../metrics/classification.js';
import { countBytes, countWords, likeliest, passAtK } from '../metrics/metrics.js';
import { type AnswersToScore, type ScoredAnswer, scoreAnswers } from '../metrics/score-answers.js';
import { argmax } from '../metrics/statistics.js';
import type { ModelResponse, TextScore } from '../model/language-model.js';
import type { ModelRequest } from '../requests/request.js';
import { scoreConfined } from '../task-files/score-confined.js';
import type { MetricName } from '../tasks/metric-schema.js';
import type {
  ContinuationTask,
  GenerationTask,
  MultipleChoiceTask,
  RollingTask,
  Task,
} from '../tasks/task-schema.js';
import type { PreparedTask, Question } from './prepare-task.js';
import type { Verdicts } from './run-answers.js';

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

/** Scores a task by the answers to its requests. Throws `TASK_INVALID` for filters and metrics that do not fit them. */
export function scoreTask(
  prepared: PreparedTask,
  answers: ReadonlyMap<ModelRequest, ModelResponse>,
  verdicts: Verdicts = new Map(),
): ScoredTask {
  const { task, questions } = prepared;
  const answered = questions.map((question) => ({
    ...question,
    responses: question.requests.map((request) => answers.get(request)!),
  }));
  const scores = scoresOf(task, answered, verdicts);
  return { ...prepared, questions: answered.map((question, i) => ({ ...question, scores: scores[i]! })) };
}

/** The score of one document under one filter. */
export interface DocumentScore {
  /** `none` for tasks without filters. */
  readonly filter: string;
  /** The answers after filtering. */
  readonly filtered: readonly (ModelResponse | Answer)[];
  readonly contributions: readonly (Contribution & { readonly metric: MetricName })[];
}

type Answered = Question & { readonly responses: readonly ModelResponse[] };

/** For each document a score a filter, in the task's order. */
function scoresOf(task: Task, questions: readonly Answered[], verdicts: Verdicts): DocumentScore[][] {
  switch (task.output_type) {
    case 'generate_until':
      return task.doc_to_program
        ? scorePrograms(task, questions, verdicts)
        : scoreGenerations(task, questions);
    case 'multiple_choice':
      return questions.map(({ document, responses }) => {
        const scored = scoreChoices(task, document.fields, responses as SequenceScore[]);
        return (task.filters ?? ['none']).map((filter) => ({ filter, ...scored }));
      });
    case 'loglikelihood_rolling':
      return questions.map(({ document, responses }) => [
        scoreText(task, document.fields, responses[0] as TextScore),
      ]);
    case 'loglikelihood':
      return questions.map(({ responses }) => [
        scoreContinuation(task, responses as readonly SequenceScore[]),
      ]);
  }
}

function scoreContinuation(task: ContinuationTask, responses: readonly SequenceScore[]): DocumentScore {
  const { logprob, isGreedy } = responses[0]!;
  const values = { perplexity: logprob, acc: isGreedy ? 1 : 0 };
  const contributions = task.metric_list.map(({ metric }) => ({ metric, value: values[metric], weight: 1 }));
  return { filter: 'none', filtered: responses, contributions };
}

/** As `process_results` of lm-evaluation-harness 0.4.13 (api/task.py) scores choices. */
function scoreChoices(
  task: MultipleChoiceTask,
  fields: unknown,
  responses: readonly SequenceScore[],
): Omit<DocumentScore, 'filter'> {
  const choices = (task.doc_to_measured_choice ?? task.doc_to_choice).render(fields);
  const target = task.doc_to_target.render(fields);
  const golds = [target].flat();
  const logprobs = responses.slice(0, choices.length).map(({ logprob }) => logprob);
  // Those of the choices alone follow those after the context.
  const gains = logprobs.map((logprob, i) => logprob - (responses[choices.length + i]?.logprob ?? 0));
  const likely = { ...likeliest(logprobs, choices), acc_mutual_info: argmax(gains) };
  const contributionOf = (metric: MultipleChoiceTask['metric_list'][number]['metric']): Contribution => {
    switch (metric) {
      case 'f1':
      case 'mcc':
        return { value: 0, weight: 1, pair: [golds[0]!, likely.acc] };
      case 'brier_score':
        return { value: 0, weight: 1, pair: [golds[0]!, softmax(logprobs)] };
      case 'exact_match':
        return { value: golds.some((gold) => responses[gold]?.isGreedy) ? 1 : 0, weight: 1 };
      case 'bypass':
        return { value: 0, weight: 1 };
      default:
        return { value: golds.includes(likely[metric]) ? 1 : 0, weight: 1 };
    }
  };
  return {
    filtered: responses,
    contributions: task.metric_list.map(({ metric }) => ({ metric, ...contributionOf(metric) })),
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

function scoreGenerations(task: GenerationTask, questions: readonly Answered[]): DocumentScore[][] {
  const asked: AnswersToScore = {
    filters: task.filter_list,
    metrics: task.metric_list,
    documents: questions.map(({ document: { fields }, responses }) => ({
      // The likeliest text is always the same one.
      responses:
        responses.length === 1
          ? Array<string>(task.repeats).fill(responses[0] as string)
          : (responses as string[]),
      gold: task.doc_to_target.render(fields),
      choices: task.doc_to_filter_choices?.render(fields),
    })),
  };
  const scored = task.isConfined ? scoreConfined(asked, task.task) : scoreAnswers(asked);
  return scored.map((filters) =>
    filters.map(({ filtered, contributions }: ScoredAnswer, i) => ({
      filter: task.filter_list[i]!.name,
      filtered: [filtered],
      contributions,
    })),
  );
}

/** The scores of answers that were run, the same under each filter. */
function scorePrograms(
  task: GenerationTask,
  questions: readonly Answered[],
  verdicts: Verdicts,
): DocumentScore[][] {
  return questions.map(({ requests, responses }) => {
    const right = requests.filter((request) => verdicts.get(request)).length;
    const contributions = task.metric_list.map(({ metric }) => ({
      metric,
      value: passAtK(requests.length, right, Number(metric.split('@')[1])),
      weight: 1,
    }));
    return task.filter_list.map(({ name: filter }) => ({ filter, filtered: responses, contributions }));
  });
}
