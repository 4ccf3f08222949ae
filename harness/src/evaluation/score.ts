import type { SequenceScore } from '@moepress/core';
import { applyFilters } from '../filters/filter.js';
import { choiceScores } from '../metrics/choice.js';
import { exactMatch } from '../metrics/exact-match.js';
import type { Contribution } from '../metrics/metric.js';
import { countBytes, countWords } from '../metrics/text-units.js';
import type { TextScore } from '../model/language-model.js';
import type { GenerationTask, MetricName, MultipleChoiceTask, RollingTask, Task } from '../tasks/schema.js';
import type { ModelResponse } from './ask.js';

/** What one document earned under one filter. */
export interface DocumentScore {
  /** `none` for tasks without filters. */
  readonly filter: string;
  /** The answers after filtering. */
  readonly filtered: readonly ModelResponse[];
  readonly contributions: readonly (Contribution & { readonly metric: MetricName })[];
}

/** One score a filter, in the task's order. */
export function scoreDocument(
  task: Task,
  fields: unknown,
  responses: readonly ModelResponse[],
): DocumentScore[] {
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
