import type { SequenceScore, TokenSequence } from '@moepress/core';
import { MoepressError, type Tokenizer, type Work } from '@moepress/core';
import { countCuts, truncatePrompt } from '../model/context-window.js';
import { encode } from '../model/encode.js';
import type { LanguageModel, Prompt } from '../model/language-model.js';
import { generateInGroups } from '../model/request-order.js';
import { cutAnswer, stopSequences } from '../model/stops.js';
import { textScoring } from '../model/text-scoring.js';
import { type Endpoint, postJson } from './client.js';
import { runConcurrently } from './concurrent.js';
import { generationBody, readScores, readTexts, scoringBody } from './protocol.js';

export interface OpenAiModelOptions {
  /**
   * The address up to and with `/v1`, such as http://localhost:8000/v1; of a server alone `/v1` is added, and the whole
   * address of its completions is taken too.
   */
  readonly baseUrl: string;
  /** What the server calls the model. */
  readonly model: string;
  /** The model's tokenizer: prompts are sent as ids, so that the server cannot tokenise them differently. */
  readonly tokenizer: Tokenizer;
  /** Sent as a bearer token. */
  readonly apiKey?: string | undefined;
  /** The most tokens of a prompt and its answer together; 2048 by default, as in lm-evaluation-harness. */
  readonly maxLength?: number | undefined;
  /** Where the model's thinking ends, such as `</think>`; only what follows it is the answer. */
  readonly thinkEndToken?: string | undefined;
  /** Prompts of one HTTP request; 1 by default. */
  readonly batchSize?: number | undefined;
  /** HTTP requests at once; 8 by default. */
  readonly concurrency?: number | undefined;
  /** Further attempts at a request that failed temporarily; 3 by default. */
  readonly maxRetries?: number | undefined;
  /** Milliseconds before the first of them; 1000 by default, doubled each time, ten times at most. */
  readonly retryDelay?: number | undefined;
  /** Milliseconds that one answer may take; 300 000 by default. */
  readonly timeout?: number | undefined;
}

/**
 * A model behind any server with OpenAI's completions, such as vLLM's, asked as lm-evaluation-harness'
 * local-completions asks: no BOS, token ids, log-probabilities by echo. Throws `SERVER_UNREACHABLE`,
 * `SERVER_UNSUITABLE`, `INPUT_INVALID` for texts that do not fit, and `ABORTED`.
 */
export function openAiLanguageModel(options: OpenAiModelOptions): LanguageModel {
  const { model, tokenizer, maxLength = 2048, batchSize = 1, concurrency = 8 } = options;
  const thinkEndToken = options.thinkEndToken ?? null;
  const url = completionsUrl(options.baseUrl);
  const endpoint: Endpoint = {
    url,
    apiKey: checkKey(options.apiKey),
    maxRetries: options.maxRetries ?? 3,
    retryDelay: options.retryDelay ?? 1000,
    timeout: options.timeout ?? 300_000,
  };
  const encoding = { tokenizer, addBos: false };
  const cuts = countCuts(maxLength);
  const endOfText = tokenizer.eosTokenId;
  const eosText = endOfText === null ? null : tokenizer.decode([endOfText], { skipSpecialTokens: false });

  /** Posts batches of items, several at once, and returns one parsed result per item. */
  const ask = async <Item, Answer>(
    items: readonly Item[],
    body: (batch: readonly Item[]) => unknown,
    read: (answer: unknown, batch: readonly Item[]) => Answer[],
    { progress, signal }: Work,
  ): Promise<Answer[]> => {
    const task = `Asking ${url}`;
    let done = 0;
    progress?.({ type: 'start', task, total: items.length, unit: 'prompts' });
    const answers = await runConcurrently(inBatches(items, batchSize), concurrency, async (batch, failed) => {
      const stop = signal ? AbortSignal.any([signal, failed]) : failed;
      const answer = read(await postJson(endpoint, body(batch), stop), batch);
      done += batch.length;
      progress?.({ type: 'advance', task, done });
      return answer;
    });
    progress?.({ type: 'end', task });
    return answers.flat();
  };

  const score = (items: readonly TokenSequence[], work: Work = {}): Promise<SequenceScore[]> =>
    ask(
      items,
      (batch) =>
        scoringBody(
          model,
          batch.map(({ ids }) => ids),
        ),
      (answer, batch) => readScores(answer, batch, url),
      work,
    );

  const generate = async (prompts: readonly Prompt[], work: Work = {}): Promise<string[]> => {
    const { until, maxGenTokens, sampling } = prompts[0]!;
    const stops = stopSequences(until, eosText);
    const contexts = prompts.map(({ context }) => context);
    const ids = (await encode(encoding, contexts, work.signal)).map((whole) => {
      const cut = truncatePrompt(whole, maxLength - 1, maxGenTokens);
      cuts.note(whole.length, cut.length);
      return cut;
    });
    return ask(
      ids,
      (batch) => generationBody(model, batch, { maxTokens: maxGenTokens, stop: stops, sampling }),
      (answer, batch) =>
        readTexts(answer, batch.length, url).map((text) => cutAnswer(text, stops, thinkEndToken)),
      work,
    );
  };

  return {
    name: model,
    settings: {
      base_url: options.baseUrl,
      add_bos_token: false,
      max_length: maxLength,
      ...(thinkEndToken !== null && { think_end_token: thinkEndToken }),
    },
    // One token is left for that which every server has to generate, and one is only predicted.
    ...textScoring(encoding, { maxLength: maxLength - 2, score }, cuts),
    warnings: cuts.warnings,
    generateUntil: (prompts, work) => generateInGroups(prompts, generate, work),
  };
}

function completionsUrl(baseUrl: string): string {
  const base = baseUrl.trim().replace(/\/+$/, '');
  const refuse = (problem: string) =>
    new MoepressError('INPUT_INVALID', {
      message: `"${baseUrl}" ${problem}.`,
      hint: 'Give one such as http://localhost:8000/v1.',
    });
  if (!URL.canParse(base) || !/^https?:/.test(base)) throw refuse('is not the address of a server');
  const { pathname, search, username, password } = new URL(base);
  if (username !== '' || password !== '') throw refuse('holds a user or password, which requests cannot');
  if (search !== '') throw refuse('asks for something: the address of a server has no "?"');
  if (pathname.endsWith('/chat/completions')) {
    throw refuse('is the address of chats, which tell no log-probabilities of prompts');
  }
  if (pathname.endsWith('/completions')) return base;
  return pathname === '/' ? `${base}/v1/completions` : `${base}/completions`;
}

/**
 * Removes whitespace around the key, which comes from copying. Throws `INPUT_INVALID`, without showing the key, for
 * characters that an HTTP header cannot contain.
 */
function checkKey(key: string | undefined): string | undefined {
  const clean = key?.trim();
  if (clean === undefined || /^[\x21-\x7e]*$/.test(clean)) return clean || undefined;
  throw new MoepressError('INPUT_INVALID', {
    message: 'The key of the server contains characters that no key has.',
    where: 'OPENAI_API_KEY',
    hint: 'Copy it again, in one line, or unset it.',
  });
}

function inBatches<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
