import type { ChildProcess } from 'node:child_process';
import { cpSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSamples } from '@moepress/harness';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress, type Outcome } from './command.js';

/** Runs a server while `use` works with it, then stops it by Ctrl-C. */
async function serving(
  model: string,
  use: (baseUrl: string, child: ChildProcess) => Promise<void>,
): Promise<Outcome> {
  let ended: Promise<Outcome> | undefined;
  const [baseUrl, child] = await new Promise<[string, ChildProcess]>((resolve, reject) => {
    ended = moepress(['serve', model, '--port', '0', '--served-name', 'served', '--json'], {
      watch: (process) => process.stdout!.on('data', (line) => resolve([JSON.parse(line).baseUrl, process])),
    });
    ended.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  try {
    await use(baseUrl, child);
  } finally {
    // A second one would end it at once.
    if (!child.killed) child.kill('SIGINT');
  }
  return ended!;
}

/** What the server may say, as far as these tests look. */
interface Answer {
  readonly choices: readonly [Choice, ...Choice[]];
  readonly usage: { readonly completion_tokens: number };
  readonly error: { readonly message: string };
}

interface ChatChoice {
  readonly message: { readonly content: string };
  readonly logprobs: { readonly content: readonly { readonly token: string; readonly logprob: number }[] };
}

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly finish_reason: string;
  readonly logprobs: {
    readonly tokens: readonly string[];
    readonly token_logprobs: readonly number[];
    readonly top_logprobs: readonly object[];
  };
}

async function post(
  url: string,
  body: object,
  contentType = 'application/json',
): Promise<{ status: number; connection: string | null; body: Answer }> {
  const headers = { 'content-type': contentType };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const connection = response.headers.get('connection');
  return { status: response.status, connection, body: (await response.json()) as Answer };
}

/** Log-likelihoods and texts of all samples that eval wrote into a folder. */
async function answersIn(folder: string) {
  const [model] = readdirSync(folder);
  const file = readdirSync(join(folder, model!)).find((name) => name.startsWith('results_'))!;
  const samples = await loadSamples(join(folder, model!, file));
  return Object.values(samples).flatMap((ofTask) => ofTask.flatMap(({ resps }) => resps.flat()));
}

describe('moepress serve', () => {
  it('gives the scores and texts that the model gives directly', () =>
    inTemporaryFolder(async (cwd) => {
      const tasks = ['--tasks', 'tiny_facts,tiny_gsm', '--limit', '25', '--json', '--no-answers'];
      const direct = await moepress(['eval', 'tiny', ...tasks, '--output', 'direct'], { cwd });
      await serving('tiny', async (baseUrl) => {
        const place = ['--base-url', baseUrl, '--served-name', 'served', '--max-length', '1024'];
        const served = await moepress(['eval', 'tiny', ...tasks, ...place, '--output', 'served'], { cwd });
        expect(served.code).toBe(0);
        expect(JSON.parse(served.stdout).results).toEqual(JSON.parse(direct.stdout).results);
      });
      const [ours, theirs] = [await answersIn(join(cwd, 'direct')), await answersIn(join(cwd, 'served'))];
      // Four choices a fact; each text under two filters.
      expect(ours).toHaveLength(4 * 25 + 2 * 25);
      for (const [i, answer] of ours.entries()) {
        const other = theirs[i]!;
        if (typeof answer === 'string') expect(other).toBe(answer);
        else {
          expect(other[1]).toBe(answer[1]);
          expect(Math.abs(Number(other[0]) - Number(answer[0]))).toBeLessThan(1e-4);
        }
      }
    }));

  it('speaks the completions API and says what it cannot do', async () => {
    await serving('tiny', async (baseUrl) => {
      const completions = `${baseUrl}/completions`;
      const models = await (await fetch(`${baseUrl}/models`)).json();
      expect(models).toMatchObject({ object: 'list', data: [{ id: 'served', max_model_len: 1024 }] });

      const prompt = 'Question: Where does a mardo live?\nAnswer:';
      const { body } = await post(completions, { prompt: [prompt, prompt], max_tokens: 3, logprobs: 1 });
      expect(body.choices.map(({ index }) => index)).toEqual([0, 1]);
      const [{ text, logprobs, finish_reason: reason }] = body.choices;
      expect(reason).toBe('length');
      expect(logprobs.tokens.join('')).toBe(text);
      // Greedy tokens are the likeliest themselves.
      expect(logprobs.top_logprobs.map((top) => Object.keys(top).length)).toEqual([1, 1, 1]);
      expect(body.usage.completion_tokens).toBe(6);

      const echoed = await post(completions, { prompt, max_tokens: 3, logprobs: 1, echo: true });
      const [choice] = echoed.body.choices;
      expect(choice.text).toBe(prompt + text);
      expect(choice.logprobs.tokens.join('')).toBe(choice.text);
      expect(choice.logprobs.token_logprobs[0]).toBeNull();
      // The same numbers whether in one pass, as harnesses ask, or after decoding.
      const scored = await post(completions, { prompt, max_tokens: 1, logprobs: 1, echo: true });
      const [one] = scored.body.choices;
      for (const [i, logprob] of one.logprobs.token_logprobs.entries()) {
        if (i > 0) expect(logprob).toBeCloseTo(choice.logprobs.token_logprobs[i]!, 4);
      }

      const stopped = await post(completions, { prompt, max_tokens: 30, stop: [' c'] });
      expect(stopped.body.choices[0]).toMatchObject({ text: ' a', finish_reason: 'stop' });

      const refused: [object, number, string][] = [
        [{ prompt, temperature: 0.7 }, 400, 'temperature'],
        [{ prompt, n: 2 }, 400, 'n: only 1'],
        [{ prompt: [[1, 640]] }, 400, '640'],
        [{ prompt: '' }, 400, 'no tokens'],
        [{ prompt, max_tokens: 1024 }, 400, 'context holds 1024'],
        [{ prompt, model: 'gpt' }, 404, 'only "served"'],
      ];
      for (const [given, status, message] of refused) {
        const answer = await post(completions, given);
        expect(answer.status).toBe(status);
        expect(answer.body.error.message).toContain(message);
      }
      expect((await post(completions, { prompt }, 'text/plain')).status).toBe(415);
      expect((await fetch(completions)).status).toBe(405);
      expect((await fetch(`${baseUrl}/embeddings`)).status).toBe(404);
      const chat = await post(`${baseUrl}/chat/completions`, { messages: [{ role: 'user', content: 'x' }] });
      expect(chat.body.error.message).toContain('no chat template');
    });
  });

  it("talks through the checkpoint's own template", () =>
    inTemporaryFolder(async (folder) => {
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
        cpSync(join(tinyModel.directory, name), join(folder, name));
      }
      const template = `{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('Only users.') }}{% endif %}Question: {{ m.content }}\n{% endfor %}Answer:`;
      writeFileSync(join(folder, 'chat_template.jinja'), template);
      await serving(folder, async (baseUrl) => {
        const url = `${baseUrl}/chat/completions`;
        const ask = (role: string) =>
          post(url, { messages: [{ role, content: 'Where does a mardo live?' }], max_tokens: 4 });
        const prompt = 'Question: Where does a mardo live?\nAnswer:';
        const plain = await post(`${baseUrl}/completions`, { prompt, max_tokens: 4 });
        expect((await ask('user')).body.choices[0]).toMatchObject({
          message: { role: 'assistant', content: plain.body.choices[0].text },
        });
        expect(await ask('system')).toMatchObject({
          status: 400,
          body: { error: { message: expect.stringContaining('Only users.') } },
        });
        const content = ['Where does a', 'mardo live?'].map((text) => ({ type: 'text', text }));
        const parts = {
          messages: [{ role: 'user', content }],
          max_tokens: 4,
          logprobs: true,
          top_logprobs: 1,
        };
        const { status, body } = await post(url, parts);
        expect(status).toBe(200);
        const [choice] = body.choices as unknown as [ChatChoice];
        const tokens = choice.logprobs.content;
        expect(tokens.map(({ token }) => token).join('')).toBe(choice.message.content);
        expect(tokens.every(({ logprob }) => logprob <= 0)).toBe(true);
      });
    }));

  it('answers what came before Ctrl-C, then ends well', async () => {
    const { code } = await serving('tiny', async (baseUrl, child) => {
      const body = { prompt: Array.from({ length: 64 }, () => 'Question: Who'), max_tokens: 200 };
      const answers = Promise.all([1, 2, 3].map(() => post(`${baseUrl}/completions`, body)));
      await new Promise((resolve) => setTimeout(resolve, 150));
      child.kill('SIGINT');
      expect((await answers).map(({ status }) => status)).toEqual([200, 200, 200]);
      // Nothing is left to wait for: kept connections would hold the server for seconds.
      expect((await answers).at(-1)!.connection).toBe('close');
    });
    expect(code).toBe(0);
  });

  it('says so where it cannot listen', async () => {
    await serving('tiny', async (baseUrl) => {
      const { code, stderr } = await moepress(['serve', 'tiny', '--port', new URL(baseUrl).port]);
      expect(code).toBe(2);
      expect(stderr).toContain('where: --port');
    });
  });
});
