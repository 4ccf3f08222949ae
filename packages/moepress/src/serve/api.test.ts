import OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventsIn, servedTiny, type TestServer } from './serve.test.util.js';

const start = servedTiny();
let server: TestServer;
beforeAll(async () => {
  server = await start({ aliases: ['./somewhere'] });
});

const question = 'Where does a mardo live?';
const prompt = `Question: ${question}\nAnswer:`;
const messages = [{ role: 'user', content: question }] as const;

describe('POST /v1/completions', () => {
  it('continues prompts, and tells log-probabilities', async () => {
    const { body } = await server.complete({ prompt: [prompt, prompt], max_tokens: 3, logprobs: 3 });
    expect(body).toMatchObject({ object: 'text_completion', model: 'served' });
    expect(body.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1]);
    const [{ text, logprobs, finish_reason: reason }] = body.choices;
    expect(reason).toBe('length');
    expect(logprobs.tokens.join('')).toBe(text);
    expect(logprobs.text_offset).toEqual([0, 2, 4]);
    for (const [i, top] of logprobs.top_logprobs.entries()) {
      // Greedy tokens are the likeliest themselves.
      expect(Object.keys(top)).toHaveLength(3);
      expect(Math.max(...(Object.values(top) as number[]))).toBe(logprobs.token_logprobs[i]);
    }
    expect(body.usage).toEqual({ prompt_tokens: 26, completion_tokens: 6, total_tokens: 32 });
  });

  it('shows prompts with the same numbers in one pass, as harnesses ask, and after decoding', async () => {
    const longer = (await server.complete({ prompt, max_tokens: 3, logprobs: 1, echo: true })).body
      .choices[0];
    expect(longer.text.startsWith(prompt)).toBe(true);
    expect(longer.logprobs.tokens.join('')).toBe(longer.text);
    expect(longer.logprobs.token_logprobs[0]).toBeNull();
    const scored = (await server.complete({ prompt, max_tokens: 1, logprobs: 1, echo: true })).body
      .choices[0];
    expect(scored.logprobs.token_logprobs).toHaveLength(longer.logprobs.token_logprobs.length - 2);
    for (const [i, logprob] of scored.logprobs.token_logprobs.entries()) {
      if (i > 0) expect(logprob).toBeCloseTo(longer.logprobs.token_logprobs[i], 4);
    }
    const alone = await server.complete({ prompt, max_tokens: 0, logprobs: 1, echo: true });
    expect(alone.body.choices[0]).toMatchObject({ text: prompt, finish_reason: 'length' });
    expect(alone.body.choices[0].logprobs.tokens.join('')).toBe(prompt);
  });

  it('ends before a stop, whatever is asked for beside it', async () => {
    const stopped = { prompt, max_tokens: 30, stop: [' cav', ' c'] };
    const { choices, usage } = (await server.complete({ ...stopped, logprobs: 0 })).body;
    expect(choices[0]).toMatchObject({ text: ' a', finish_reason: 'stop' });
    expect(choices[0].logprobs.tokens).toHaveLength(usage.completion_tokens);
    const events = eventsIn((await server.complete({ ...stopped, stream: true })).text).slice(0, -1);
    const sent = events.map((event) => JSON.parse(event).choices[0]);
    expect(sent.map(({ text }) => text).join('')).toBe(' a');
    expect(sent.map(({ finish_reason: reason }) => reason)).toEqual([
      ...sent.slice(1).map(() => null),
      'stop',
    ]);
  });

  it('draws tokens by a seed, alike alone and beside others', async () => {
    const drawn = { prompt, max_tokens: 12, temperature: 3, seed: 42 };
    const textsOf = async (body: object) =>
      (await server.complete(body)).body.choices.map(({ text }: { text: string }) => text);
    const [alone] = await textsOf(drawn);
    const others = [1, 2, 3].map((seed) => textsOf({ ...drawn, seed, max_tokens: 20 }));
    expect(await textsOf({ ...drawn, n: 3, best_of: 3 })).toEqual([
      alone,
      expect.any(String),
      expect.any(String),
    ]);
    expect(new Set([alone, ...(await Promise.all(others)).flat()]).size).toBe(4);
    expect(await textsOf({ ...drawn, top_k: 1 })).toEqual(await textsOf({ prompt, max_tokens: 12 }));
    expect(await textsOf({ ...drawn, top_p: 1e-9 })).toEqual(await textsOf({ prompt, max_tokens: 12 }));
  });

  it('changes logits as it is told to', async () => {
    const greedy = (await server.complete({ prompt, max_tokens: 1, logprobs: 0 })).body.choices[0];
    const ids = await idsOf(greedy.logprobs.tokens[0]);
    const without = { prompt, max_tokens: 1, logit_bias: { [ids]: -100 } };
    expect((await server.complete(without)).body.choices[0].text).not.toBe(greedy.text);
    expect((await server.complete({ ...without, logit_bias: { 640: 1 } })).body.error).toMatchObject({
      message: expect.stringContaining('640'),
      param: 'logit_bias',
    });
  });

  /** The id of a token, as the one whose ban changes the answer. */
  async function idsOf(text: string): Promise<number> {
    for (let id = 0; id < 640; id++) {
      const { body } = await server.complete({ prompt: [id], max_tokens: 0, echo: true });
      if (body.choices[0].text === text) return id;
    }
    throw new Error(`no token is ${text}`);
  }

  it.each([
    [{ prompt: [[1, 640]] }, 400, '640'],
    [{ prompt: '' }, 400, 'no tokens'],
    [{ prompt, max_tokens: 1024 }, 400, 'context holds 1024'],
    [{ prompt: 'x'.repeat(70_000) }, 400, '70000 bytes'],
    [{ prompt, model: 'gpt' }, 404, 'only "served"'],
    [{ prompt, grammar: 'root ::= "x"' }, 400, 'grammar'],
  ])('refuses %j', async (given, status, message) => {
    const answer = await server.complete(given);
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toContain(message);
    expect(answer.text).not.toContain('somewhere');
  });

  it('knows the model by what its user calls it, and by nothing', async () => {
    for (const model of ['served', './somewhere', null]) {
      expect((await server.complete({ prompt, max_tokens: 1, model })).status).toBe(200);
    }
  });
});

describe('POST /v1/chat/completions', () => {
  it("talks through the checkpoint's own template", async () => {
    const plain = (await server.complete({ prompt, max_tokens: 4 })).body.choices[0].text;
    const said = await server.chat({ messages, max_tokens: 4 });
    expect(said.body).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: plain }, logprobs: null }],
    });
    const content = ['Where does a', 'mardo live?'].map((text) => ({ type: 'text', text }));
    const parts = { messages: [{ role: 'user', content }], max_tokens: 4, logprobs: true, top_logprobs: 5 };
    const { logprobs, message } = (await server.chat(parts)).body.choices[0];
    expect(logprobs.content.map(({ token }: { token: string }) => token).join('')).toBe(message.content);
    for (const { logprob, top_logprobs: top, token, bytes } of logprobs.content) {
      expect(top).toHaveLength(5);
      expect(top[0]).toEqual({ token, logprob, bytes });
      expect(Buffer.from(bytes).toString()).toBe(token);
    }
    const refused = await server.chat({ messages: [{ role: 'system', content: 'x' }] });
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('Only users.') } },
    });
  });

  it('sends the same in pieces', async () => {
    const asked = { messages, max_tokens: 12, logprobs: true, top_logprobs: 2 };
    const whole = (await server.chat(asked)).body;
    const streamed = await server.chat({ ...asked, stream: true, stream_options: { include_usage: true } });
    expect(streamed.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = eventsIn(streamed.text);
    expect(events.pop()).toBe('[DONE]');
    const chunks = events.map((event) => JSON.parse(event));
    expect(new Set(chunks.map(({ id, object }) => `${id} ${object}`)).size).toBe(1);
    expect(chunks.pop()).toMatchObject({ choices: [], usage: whole.usage });
    const choices = chunks.map((chunk) => chunk.choices[0]);
    expect(choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(choices.at(-1)).toMatchObject({ delta: {}, finish_reason: whole.choices[0].finish_reason });
    expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe(whole.choices[0].message.content);
    expect(choices.flatMap(({ logprobs }) => logprobs?.content ?? [])).toEqual(
      whole.choices[0].logprobs.content,
    );
  });

  it('answers what chat programs ask with', async () => {
    // As Open WebUI, LibreChat and Hugging Face's chat-ui send them, with what they leave at its defaults.
    for (const more of [
      { stream: true, stream_options: { include_usage: true }, max_tokens: 4 },
      {
        user: 'x',
        temperature: 1,
        top_p: 1,
        presence_penalty: 0,
        frequency_penalty: 0,
        stream: true,
        max_tokens: 4,
      },
      { temperature: 0.7, top_p: 0.95, top_k: 50, stop: ['</s>'], max_tokens: 4, stream: true },
      { max_completion_tokens: 4, tools: [], response_format: { type: 'text' }, n: 1, logprobs: false },
    ]) {
      expect(await server.chat({ model: 'served', messages, ...more })).toMatchObject({ status: 200 });
    }
  });

  it('answers browsers of pages that may ask, and says nothing of it to others', async () => {
    const open = await start({ allowedOrigins: ['http://localhost:3000'] });
    const asking = (origin: string) => ({
      ...{ origin, 'access-control-request-method': 'POST' },
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
    });
    const may = await open.send(
      'OPTIONS',
      '/v1/chat/completions',
      undefined,
      asking('http://localhost:3000'),
    );
    expect(may.status).toBe(204);
    expect(may.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect(may.headers.get('access-control-allow-headers')).toContain('x-stainless-os');
    const body = { messages, max_tokens: 2, stream: true };
    const said = await open.send('POST', '/v1/chat/completions', body, { origin: 'http://localhost:3000' });
    expect(said).toMatchObject({ status: 200 });
    expect(said.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    for (const [where, origin] of [
      [open, 'http://evil.example'],
      [server, 'http://localhost:3000'],
    ] as const) {
      const not = await where.send('OPTIONS', '/v1/chat/completions', undefined, asking(origin));
      expect(not.status).toBe(405);
      expect(not.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('is what the client library of OpenAI expects', async () => {
    const client = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'none', maxRetries: 0 });
    const whole = await client.chat.completions.create({
      model: 'served',
      messages: [...messages],
      max_tokens: 8,
    });
    const { usage, choices } = await client.chat.completions.create({
      ...{ model: 'served', messages: [...messages], max_tokens: 8, logprobs: true, top_logprobs: 2 },
      stop: ['\n'],
    });
    const tokens = choices[0]!.logprobs!.content!.map(({ token }) => token);
    expect(tokens.join('')).toBe(choices[0]!.message.content);
    expect(usage!.completion_tokens).toBeGreaterThanOrEqual(tokens.length);
    const stream = client.chat.completions.stream({
      model: 'served',
      messages: [...messages],
      max_tokens: 8,
    });
    expect(await stream.finalContent()).toBe(whole.choices[0]!.message.content);
    const completion = await client.completions.create({
      model: 'served',
      prompt,
      max_tokens: 8,
      stream: true,
    });
    let text = '';
    for await (const chunk of completion) text += chunk.choices[0]!.text;
    expect(text).toBe(whole.choices[0]!.message.content);
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['served']);
    await expect(
      client.chat.completions.create({ model: 'served', messages: [...messages], tools: [{} as never] }),
    ).rejects.toMatchObject({ status: 400, param: 'tools' });
  });
});
