import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openAiLanguageModel } from '@moepress/harness';
import { mutateBytes } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const tokenizer = {
  bosTokenId: null,
  eosTokenId: 0,
  encode: (text: string) => [...Buffer.from(text)],
  decode: (ids: readonly number[]) => Buffer.from(ids).toString(),
};

const tokens = [null, -1, -0.5, -0.25, -2];
const scored = {
  choices: [
    {
      index: 0,
      text: 'abcd',
      logprobs: { token_logprobs: tokens, top_logprobs: tokens.map((p) => p && { a: p, b: p - 1 }) },
    },
  ],
};

/** What servers answer to requests for scores and texts. */
export const answers: Target = {
  name: 'answers',
  async prepare() {
    let body: string | Buffer = '';
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    server.unref();
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const model = openAiLanguageModel({ baseUrl, model: 'm', tokenizer, maxRetries: 0 });
    return async (random) => {
      const text = render(mutateJson(scored, random), random);
      body = random.chance(0.1) ? mutateBytes(Buffer.from(text), random) : text;
      await model.generateUntil([{ context: 'abcd', until: ['x'], maxGenTokens: 4 }]);
      return model.loglikelihood([{ context: 'ab', continuation: 'cd' }]);
    };
  },
};
