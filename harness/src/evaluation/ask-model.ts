import { throwIfAborted, type Work } from '@moepress/core';
import type { LanguageModel, ModelResponse } from '../model/language-model.js';
import type {
  GenerationRequest,
  LoglikelihoodRequest,
  ModelRequest,
  RollingRequest,
} from '../requests/request.js';
import { requestKey } from '../requests/request.js';
import type { ResponseCache } from './response-cache.js';

/** Requests between two writes to the cache: enough for large batches, few enough not to lose much. */
const portionSize = 1024;

/**
 * Sends all requests to the model, one call per kind of request, so that it can batch over all tasks. Equal requests
 * are sent once. With a cache, stored answers are not requested again, and requests are sent in portions whose
 * answers are stored as soon as they arrive. Returns the answer to each request.
 */
export async function askModel(
  model: LanguageModel,
  requests: readonly ModelRequest[],
  cache: ResponseCache | undefined,
  work: Work,
): Promise<ReadonlyMap<ModelRequest, ModelResponse>> {
  const keys = requests.map(requestKey);
  const different = new Map(keys.map((key, i) => [key, requests[i]!]));
  const answers = new Map<string, ModelResponse>();
  const step = 'Answering requests';
  const advance = () => work.progress?.({ type: 'advance', task: step, done: answers.size });
  work.progress?.({ type: 'start', task: step, total: different.size, unit: 'requests' });

  const missing: (readonly [key: string, request: ModelRequest])[] = [];
  for (const [key, request] of different) {
    const known = cache?.get(request);
    if (known === undefined) missing.push([key, request]);
    else answers.set(key, known);
  }
  if (answers.size > 0) advance();

  for (const portion of inPortions(missing, cache ? portionSize : Number.POSITIVE_INFINITY)) {
    throwIfAborted(work.signal);
    const asked = portion.map(([, request]) => request);
    const given = await answer(model, asked, work);
    await cache?.add(asked.map((request, i) => [request, given[i]!]));
    portion.forEach(([key], i) => {
      answers.set(key, given[i]!);
    });
    advance();
  }
  work.progress?.({ type: 'end', task: step });
  return new Map(requests.map((request, i) => [request, answers.get(keys[i]!)!]));
}

/** Runs of at most `size` requests of one kind. */
function* inPortions<Entry extends readonly [unknown, ModelRequest]>(
  entries: readonly Entry[],
  size: number,
) {
  for (const kind of ['loglikelihood', 'loglikelihood_rolling', 'generate_until']) {
    const ofKind = entries.filter(([, request]) => request.kind === kind);
    for (let start = 0; start < ofKind.length; start += size) yield ofKind.slice(start, start + size);
  }
}

/** The answers to requests of a single kind. */
function answer(
  model: LanguageModel,
  requests: readonly ModelRequest[],
  work: Work,
): Promise<readonly ModelResponse[]> {
  switch (requests[0]!.kind) {
    case 'loglikelihood':
      return model.loglikelihood(requests as readonly LoglikelihoodRequest[], work);
    case 'loglikelihood_rolling':
      return model.loglikelihoodRolling(
        (requests as readonly RollingRequest[]).map(({ text }) => text),
        work,
      );
    case 'generate_until':
      return model.generateUntil(requests as readonly GenerationRequest[], work);
  }
}
