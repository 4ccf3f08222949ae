import { throwIfAborted, type Work } from '@moepress/core';
import type { LanguageModel, PairScore, TextScore } from '../model/language-model.js';
import type { Request } from '../requests/request.js';

/** The answer to a request of each kind. */
export type Response = PairScore | TextScore | string;

/**
 * Asks the model everything at once, one call a kind of request, so that it can batch over all tasks.
 * Answers come in request order.
 */
export async function askModel(
  model: LanguageModel,
  requests: readonly Request[],
  work: Work,
): Promise<Response[]> {
  const responses = new Array<Response>(requests.length);
  const ask = async <Kind extends Request['kind']>(
    kind: Kind,
    answer: (asked: Extract<Request, { kind: Kind }>[]) => Promise<readonly Response[]>,
  ) => {
    const indexes = [...requests.keys()].filter((index) => requests[index]!.kind === kind);
    if (indexes.length === 0) return;
    throwIfAborted(work.signal);
    const answers = await answer(indexes.map((index) => requests[index] as Extract<Request, { kind: Kind }>));
    indexes.forEach((index, position) => {
      responses[index] = answers[position]!;
    });
  };
  await ask('loglikelihood', (asked) => model.loglikelihood(asked, work));
  await ask('loglikelihood_rolling', (asked) =>
    model.loglikelihoodRolling(
      asked.map(({ text }) => text),
      work,
    ),
  );
  await ask('generate_until', (asked) => model.generateUntil(asked, work));
  return responses;
}
