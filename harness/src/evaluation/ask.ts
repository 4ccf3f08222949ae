import { throwIfAborted, type Work } from '@moepress/core';
import type { LanguageModel, PairScore, TextScore } from '../model/language-model.js';
import type { ModelRequest } from '../requests/request.js';

/** The answer to a request of each kind. */
export type ModelResponse = PairScore | TextScore | string;

/**
 * Asks the model everything at once, one call a kind of request, so that it can batch over all tasks.
 * Answers come in request order.
 */
export async function askModel(
  model: LanguageModel,
  requests: readonly ModelRequest[],
  work: Work,
): Promise<ModelResponse[]> {
  const responses = new Array<ModelResponse>(requests.length);
  const step = 'Answering requests';
  let done = 0;
  work.progress?.({ type: 'start', task: step, total: requests.length, unit: 'requests' });
  const ask = async <Kind extends ModelRequest['kind']>(
    kind: Kind,
    answer: (asked: Extract<ModelRequest, { kind: Kind }>[]) => Promise<readonly ModelResponse[]>,
  ) => {
    const indexes = [...requests.keys()].filter((index) => requests[index]!.kind === kind);
    if (indexes.length === 0) return;
    throwIfAborted(work.signal);
    const answers = await answer(
      indexes.map((index) => requests[index] as Extract<ModelRequest, { kind: Kind }>),
    );
    indexes.forEach((index, position) => {
      responses[index] = answers[position]!;
    });
    done += indexes.length;
    work.progress?.({ type: 'advance', task: step, done });
  };
  await ask('loglikelihood', (asked) => model.loglikelihood(asked, work));
  await ask('loglikelihood_rolling', (asked) =>
    model.loglikelihoodRolling(
      asked.map(({ text }) => text),
      work,
    ),
  );
  await ask('generate_until', (asked) => model.generateUntil(asked, work));
  work.progress?.({ type: 'end', task: step });
  return responses;
}
