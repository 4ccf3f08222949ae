import type { ChildProcess } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { loadSamples } from '@moepress/harness';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress, type Outcome } from './command.js';

/** Runs a server while `use` works with it, then stops it by Ctrl-C. */
async function serving(
  model: string,
  use: (baseUrl: string, child: ChildProcess) => Promise<void>,
  {
    args = ['--served-name', 'served'],
    ...options
  }: { args?: readonly string[]; cwd?: string; env?: Record<string, string> } = {},
): Promise<Outcome> {
  let ended: Promise<Outcome> | undefined;
  const [baseUrl, child] = await new Promise<[string, ChildProcess]>((resolve, reject) => {
    ended = moepress(['serve', model, '--port', '0', ...args, '--json'], {
      ...options,
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

async function post(url: string, body: object, headers: Record<string, string> = {}) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
  const response = await fetch(url, { ...init, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, connection: response.headers.get('connection'), text };
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
      const { stderr } = await serving('tiny', async (baseUrl) => {
        const place = ['--base-url', baseUrl, '--served-name', 'served', '--max-length', '1024'];
        const served = await moepress(['eval', 'tiny', ...tasks, ...place, '--output', 'served'], { cwd });
        expect(served.code).toBe(0);
        expect(JSON.parse(served.stdout).results).toEqual(JSON.parse(direct.stdout).results);
      });
      // What answering takes is told before it is taken, as of any command.
      expect(stderr).toContain('"type":"memory","predicted":');
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

  it('tells nobody where the model lies, and who may use it', () =>
    inTemporaryFolder(async (cwd) => {
      cpSync(tinyModel.directory, join(cwd, 'models', 'small'), { recursive: true });
      const key = { MOEPRESS_API_KEY: 'secret' };
      await serving(
        'models/small',
        async (baseUrl) => {
          const models = `${baseUrl}/models`;
          expect((await fetch(models)).status).toBe(401);
          const answer = await fetch(models, { headers: { authorization: 'Bearer secret' } });
          expect(await answer.json()).toMatchObject({ data: [{ id: 'small' }] });
          const body = { model: 'models/small', prompt: 'x', max_tokens: 1 };
          const said = await post(`${baseUrl}/completions`, body, { authorization: 'Bearer secret' });
          expect(said.status).toBe(200);
        },
        { args: [], cwd, env: key },
      );
      const open = ['--host', '0.0.0.0'];
      const { stderr } = await serving('tiny', async () => {}, { args: open });
      expect(stderr).toContain('no --api-key');
      const wrong = await moepress(['serve', 'tiny', '--port', '0', '--api-key', 'two words']);
      expect(wrong).toMatchObject({ code: 2, stderr: expect.not.stringContaining('two words') });
    }));

  it('answers what came before Ctrl-C, then ends well', async () => {
    const { code } = await serving('tiny', async (baseUrl, child) => {
      const body = { prompt: Array.from({ length: 4 }, () => 'Question: Who'), max_tokens: 60 };
      const answers = Promise.all([1, 2, 3].map(() => post(`${baseUrl}/completions`, body)));
      const metrics = new URL('/metrics', baseUrl);
      while (!/under_way 3$/m.test(await (await fetch(metrics)).text())) await setTimeout(5);
      child.kill('SIGINT');
      // On a machine that is so busy that three seconds do not suffice they are told so.
      for (const { status, text } of await answers) {
        expect(status === 200 ? JSON.parse(text).choices.length : text).toSatisfy(
          (told) => told === body.prompt.length || String(told).includes('is stopping'),
        );
      }
      // Nothing is left to wait for: kept connections would hold the server for seconds.
      expect((await answers).at(-1)!.connection).toBe('close');
    });
    expect(code).toBe(0);
  });

  it('ends well with uploads that stall and streams that are open', async () => {
    const { code } = await serving('tiny', async (baseUrl, child) => {
      const stalled = connect(Number(new URL(baseUrl).port), '127.0.0.1', () =>
        stalled.write(
          'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
        ),
      );
      stalled.on('error', () => {});
      const body = { prompt: 'Question: Who', max_tokens: 1000, temperature: 5, stream: true };
      const streams = [1, 2, 3].map((seed) => post(`${baseUrl}/completions`, { ...body, seed, n: 200 }));
      await setTimeout(200);
      child.kill('SIGTERM');
      for (const { text } of await Promise.all(streams)) expect(text).toMatch(/\[DONE\]|is stopping/);
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
