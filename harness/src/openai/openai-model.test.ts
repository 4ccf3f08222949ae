import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { tokenizedLanguageModel } from '../model/tokenized.js';
import { type CompletionsOptions, completionsServer } from '../testing/completions-server.js';
import { toyEngine } from '../testing/toy-engine.js';
import { byteTokenizer } from '../testing/toy-tokenizers.js';
import { type OpenAiModelOptions, openAiLanguageModel } from './openai-model.js';

const tokenizer = byteTokenizer();

/** The toy engine's model, behind a server. */
const toy: CompletionsOptions = {
  score: (id) => ({ logprob: -id / 100, best: id % 2 === 0 ? -id / 100 : -id / 100 + 0.5 }),
  generate: (prompt) => ` ${prompt.length} tokens Q: more`,
};

const pairs = [
  { context: 'Question: a\nAnswer:', continuation: ' yes' },
  { context: 'Question: a\nAnswer:', continuation: ' no' },
  { context: '', continuation: 'pp' },
  { context: 'c'.repeat(99), continuation: ' q' },
];

async function withServer<Result>(
  options: Partial<CompletionsOptions & OpenAiModelOptions>,
  use: (
    model: ReturnType<typeof openAiLanguageModel>,
    server: Awaited<ReturnType<typeof completionsServer>>,
  ) => Promise<Result>,
): Promise<Result> {
  const server = await completionsServer({ ...toy, ...options });
  try {
    const { baseUrl } = server;
    const model = openAiLanguageModel({ baseUrl, model: 'toy', tokenizer, retryDelay: 1, ...options });
    return await use(model, server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

describe('a model behind a server', () => {
  it.each([1, 3])('scores as it does without one, %i prompts a request', async (batchSize) => {
    const direct = tokenizedLanguageModel({ tokenizer, engine: toyEngine(30), name: 'toy', addBos: false });
    await withServer({ maxLength: 32, batchSize }, async (model) => {
      expect(await model.loglikelihood(pairs)).toEqual(await direct.loglikelihood(pairs));
      const texts = ['short', 'long '.repeat(30), ''];
      expect(await model.loglikelihoodRolling(texts)).toEqual(await direct.loglikelihoodRolling(texts));
    });
  });

  it('is sent ids, cut from the left to one token less than fits', async () => {
    await withServer({ maxLength: 32 }, async (model, { bodies }) => {
      await model.loglikelihood([{ context: 'c'.repeat(99), continuation: ' q' }]);
      expect(bodies).toEqual([
        {
          model: 'toy',
          prompt: [[...Array(29).fill(102), 35, 116]],
          temperature: 0,
          max_tokens: 1,
          logprobs: 1,
          seed: 1234,
          echo: true,
        },
      ]);
    });
  });

  it('generates up to the stops, each kind of request on its own', async () => {
    await withServer({ batchSize: 2 }, async (model, { bodies }) => {
      const answers = await model.generateUntil([
        { context: 'abc', until: ['Q:'], maxGenTokens: 8 },
        { context: 'abcd', until: ['\n'], maxGenTokens: 8 },
        { context: 'ab', until: ['Q:'], maxGenTokens: 8 },
      ]);
      expect(answers).toEqual([' 3 tokens ', ' 4 tokens Q: more', ' 2 tokens ']);
      expect(bodies.map(({ prompt, stop, max_tokens }) => [prompt.length, stop, max_tokens])).toEqual([
        [2, ['Q:', '<|end|>'], 8],
        [1, ['\n', '<|end|>'], 8],
      ]);
    });
  });

  it('is asked several requests at once, with its key, and reports progress', async () => {
    const events: ProgressEvent[] = [];
    const many = Array.from({ length: 40 }, (_, i) => ({ context: `q${i}`, continuation: ' a' }));
    await withServer({ concurrency: 4, apiKey: 'secret' }, async (model, server) => {
      await model.loglikelihood(many, { progress: (event) => events.push(event) });
      // How many there are at a time depends on how busy the machine is.
      expect(server.busiest).toBeGreaterThan(1);
      expect(server.busiest).toBeLessThanOrEqual(4);
      expect(new Set(server.authorizations)).toEqual(new Set(['Bearer secret']));
    });
    expect(events[0]).toMatchObject({ type: 'start', total: 40 });
    expect(events.at(-2)).toMatchObject({ type: 'advance', done: 40 });
  });
});

describe('a server in trouble', () => {
  it('is asked again', async () => {
    const mishaps = [{ status: 503 }, { status: 429, headers: { 'retry-after': '0' } }, 'hang up'] as const;
    await withServer({ mishap: (n) => mishaps[n] ?? null, concurrency: 1 }, async (model, { bodies }) => {
      const [score] = await model.loglikelihood(pairs.slice(0, 1));
      expect(score!.logprob).toBeLessThan(0);
      expect(bodies).toHaveLength(4);
    });
  });

  it('is given up after some attempts', async () => {
    await withServer({ mishap: () => ({ status: 500 }), maxRetries: 2 }, async (model, { bodies }) => {
      await expect(model.loglikelihood(pairs.slice(0, 1))).rejects.toMatchObject({
        code: 'SERVER_UNREACHABLE',
        message: expect.stringMatching(/3 attempts.*500/),
      });
      expect(bodies).toHaveLength(3);
    });
  });

  it('is not waited for longer than allowed', async () => {
    await withServer({ mishap: () => 'hang', maxRetries: 0, timeout: 50 }, async (model) => {
      await expect(model.loglikelihood(pairs.slice(0, 1))).rejects.toMatchObject({
        code: 'SERVER_UNREACHABLE',
        message: expect.stringContaining('longer than 0.05 s'),
      });
    });
  });

  it('or none at all is named', async () => {
    const options = {
      baseUrl: 'http://127.0.0.1:1/v1',
      model: 'toy',
      tokenizer,
      maxRetries: 1,
      retryDelay: 1,
    };
    await expect(openAiLanguageModel(options).loglikelihood(pairs)).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      where: 'http://127.0.0.1:1/v1/completions',
    });
    expect(() => openAiLanguageModel({ ...options, baseUrl: 'localhost' })).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  it('is left at once when the work is stopped', async () => {
    const controller = new AbortController();
    await withServer({ mishap: () => 'hang' }, async (model) => {
      const answer = model.loglikelihood(pairs, { signal: controller.signal });
      setTimeout(() => controller.abort(), 30);
      await expect(answer).rejects.toMatchObject({ code: 'ABORTED' });
    });
  });
});

describe('a key', () => {
  const made = (apiKey: string) =>
    openAiLanguageModel({ baseUrl: 'http://localhost/v1', model: 'm', tokenizer, apiKey });

  it('that no header can hold is refused without telling it', () => {
    for (const key of ['sk-LINE1\nsk-LINE2', 'kéy-of-mine', 'two words']) {
      expect(() => made(key)).toThrow(
        expect.objectContaining({ code: 'INPUT_INVALID', message: expect.not.stringContaining(key) }),
      );
    }
  });

  it('may have been copied with a line break', () => {
    expect(made('sk-abc\n').name).toBe('m');
  });

  it('does not belong into the address', () => {
    const baseUrl = 'https://me:hunter22@localhost/v1';
    const asked = () => openAiLanguageModel({ baseUrl, model: 'm', tokenizer });
    expect(asked).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.not.stringContaining('hunter22') }),
    );
  });
});

describe('the address of a server', () => {
  it.each(['', '/', '/v1', '/v1/', '/v1/completions', '/v1/completions/'])('may end in "%s"', (end) =>
    withServer({}, async (_, { baseUrl, bodies }) => {
      const { origin } = new URL(baseUrl);
      const model = openAiLanguageModel({ baseUrl: `${origin}${end}`, model: 'toy', tokenizer });
      expect(await model.loglikelihood(pairs.slice(0, 1))).toHaveLength(1);
      expect(bodies).toHaveLength(1);
    }),
  );

  it.each(['/v1/chat/completions', '/v1?key=1'])('may not end in "%s"', (end) => {
    const options = { baseUrl: `http://127.0.0.1:1${end}`, model: 'toy', tokenizer };
    expect(() => openAiLanguageModel(options)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });

  it('is told to end in /v1 where nothing is found', () =>
    withServer({}, async (_, { baseUrl }) => {
      const model = openAiLanguageModel({ baseUrl: `${baseUrl}/v2`, model: 'toy', tokenizer });
      await expect(model.loglikelihood(pairs)).rejects.toMatchObject({
        code: 'SERVER_UNSUITABLE',
        hint: expect.stringContaining('up to and with /v1'),
        where: `${baseUrl}/v2/completions`,
      });
    }));
});

describe('an unsuitable server', () => {
  const refuses = (options: Partial<CompletionsOptions>, message: RegExp) =>
    withServer(options, async (model, { bodies }) => {
      await expect(model.loglikelihood(pairs.slice(0, 1))).rejects.toMatchObject({
        code: 'SERVER_UNSUITABLE',
        message: expect.stringMatching(message),
      });
      expect(bodies).toHaveLength(1);
    });

  it('adds tokens of its own', () => refuses({ prefix: [1] }, /25 log-probabilities for 23 tokens/));
  it('refuses', () => refuses({ mishap: () => ({ status: 400, body: 'no echo' }) }, /400.*no echo/));
  it('answers in another language', () =>
    refuses({ mishap: () => ({ status: 200, body: '<html>' }) }, /not JSON/));
  it('has no log-probabilities', () =>
    refuses(
      { mishap: () => ({ status: 200, body: '{"choices":[{"index":0,"logprobs":null}]}' }) },
      /choices.0.logprobs/,
    ));
  it('forgets a prompt', () =>
    refuses({ mishap: () => ({ status: 200, body: '{"choices":[]}' }) }, /0 choices for 1/));
});
