import { MoepressError } from '@moepress/core';
import type { AnswersToScore, ScoredAnswer } from '../metrics/score-answers.js';
import { askConfinedNow } from './confined-files.js';
import type { Outcome } from './task-file-thread.js';

/** Documents that are scored in one question to the thread. */
const portion = 200;

/**
 * `scoreAnswers` in the thread for task files: patterns of a stranger may take for ever. Throws `TASK_INVALID` for
 * patterns that do, or are none, and for answers that cannot be scored.
 */
export function scoreConfined(asked: AnswersToScore, task: string): ScoredAnswer[][] {
  const scored: ScoredAnswer[][] = [];
  for (let from = 0; from < asked.documents.length; from += portion) {
    const documents = asked.documents.slice(from, from + portion);
    const outcome = ask({ ...asked, documents });
    if ('refusal' in outcome) {
      throw new MoepressError('TASK_INVALID', {
        message: `Answers cannot be scored: ${outcome.refusal}.`,
        where: task,
      });
    }
    scored.push(...outcome.value);
  }
  return scored;
}

function ask(asked: AnswersToScore): Outcome<ScoredAnswer[][]> {
  try {
    return askConfinedNow<Outcome<ScoredAnswer[][]>>('score', asked);
  } catch (cause) {
    return { refusal: (cause as Error).message };
  }
}
