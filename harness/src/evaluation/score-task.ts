import { buildSample, type Sample } from '../results/sample.js';
import type { ModelResponse } from './ask.js';
import type { PreparedTask } from './prepare.js';
import { type DocumentScore, scoreDocument } from './score.js';

/** A task with everything that was asked and answered. */
export interface ScoredTask extends PreparedTask {
  /** Scores of each document, one a filter. */
  readonly scores: readonly (readonly DocumentScore[])[];
  /** All documents under the first filter, then all under the next. */
  readonly samples: readonly Sample[];
}

/** `answers`: the responses to each question's requests. */
export function scoreTask(
  prepared: PreparedTask,
  answers: readonly (readonly ModelResponse[])[],
): ScoredTask {
  const { task, questions } = prepared;
  const scores = questions.map(({ document }, i) => scoreDocument(task, document.fields, answers[i]!));
  const filters = scores[0]!.keys();
  const samples = [...filters].flatMap((filter) =>
    questions.map((question, i) => buildSample(task, question, answers[i]!, scores[i]![filter]!)),
  );
  return { ...prepared, scores, samples };
}
