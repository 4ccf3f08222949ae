import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { closed, eventsIn, servedTiny, type TestServer } from './serve.test.util.js';

const start = servedTiny();
const prompt = 'Question: Where does a mardo live?\nAnswer:';
const head = (length: number) =>
  `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n`;

/** When so many requests are under way. */
async function underWay(server: TestServer, count: number): Promise<void> {
  const line = `moepress_requests_under_way ${count}`;
  while (!(await server.send('GET', '/metrics')).text.split('\n').includes(line)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('the HTTP of a served model', () => {
  it('says what is there and what is not', async () => {
    const server = await start();
    const of = async (method: string, path: string) => {
      const { status, headers, text } = await server.send(method, path);
      return { status, type: headers.get('content-type'), allow: headers.get('allow'), text };
    };
    expect(await of('GET', '/health')).toMatchObject({
      status: 200,
      type: 'application/json',
      text: '{"status":"ok"}',
    });
    const models = await of('GET', '/v1/models');
    expect(JSON.parse(models.text).data).toMatchObject([{ id: 'served', max_model_len: 1024 }]);
    expect(models.text).not.toContain('moepress-serve-');
    expect(await of('GET', '/v1/models/served?x=1')).toMatchObject({ status: 200 });
    expect(await of('HEAD', '/v1/models')).toMatchObject({ status: 200, type: 'application/json', text: '' });
    expect(await of('GET', '/v1/completions')).toMatchObject({ status: 405, allow: 'POST' });
    expect(await of('HEAD', '/v1/completions')).toMatchObject({ status: 405, text: '' });
    expect(await of('DELETE', '/v1/models')).toMatchObject({ status: 405, allow: 'GET, HEAD' });
    expect(await of('GET', '/v1/embeddings')).toMatchObject({ status: 404, type: 'application/json' });
    expect(await of('GET', '/constructor')).toMatchObject({ status: 404 });
    for (const path of ['/%', '//', '//v1/models', '/%ff']) {
      expect(await of('GET', path)).toMatchObject({ status: 400, type: 'application/json' });
    }
    expect(
      await server.raw('GET nowhere:// HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    ).toMatch(/ 40[04] /);
  });

  it('takes JSON in UTF-8 and nothing else', async () => {
    const server = await start({ maxBody: 5000 });
    const send = (body: string, type: string, more = {}) =>
      server.send('POST', '/v1/completions', body, { 'content-type': type, ...more });
    const good = JSON.stringify({ prompt, max_tokens: 1 });
    expect((await send(good, 'application/json; charset=UTF-8')).status).toBe(200);
    for (const type of ['text/plain', 'application/json-patch', 'application/json; charset=latin1', '']) {
      expect((await send(good, type)).status).toBe(415);
    }
    expect((await send(good, 'application/json', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await send('{"prompt":', 'application/json')).status).toBe(400);
    const deep = await send(`{"prompt":${'['.repeat(2000)}`, 'application/json');
    expect(deep.body.error.message).toContain('deeper than 64');
    expect(await server.raw(`${head(3)}Connection: close\r\n\r\n"\xff"`)).toContain(' 400 ');
    expect((await send(`{"prompt":"${'x'.repeat(6000)}"}`, 'application/json')).status).toBe(413);
  });

  it('answers without waiting for a body that is too large', async () => {
    const server = await start({ maxBody: 5000 });
    expect(await server.raw(`${head(10_000_000)}\r\n{"prompt":"`)).toContain(' 413 ');
    // Such a one is not asked for what it announces.
    const announced = await server.raw(`${head(10_000_000)}Expect: 100-continue\r\n\r\n`);
    expect(announced).toMatch(/^HTTP\/1\.1 413 /);
    const chunked = `${head(0).replace(/Content-Length.*/, 'Transfer-Encoding: chunked')}\r\n`;
    const chunk = `400\r\n${'x'.repeat(1024)}\r\n`;
    expect(await server.raw(chunked + chunk.repeat(6))).toContain(' 413 ');
  });

  it('is read by no page that has made its name mean this machine', async () => {
    const server = await start({ allowedHosts: ['friend.example'] });
    const ask = async (host: string) =>
      (await server.raw(`GET /v1/models HTTP/1.1\r\n${host}Connection: close\r\n\r\n`)).split(' ')[1];
    for (const host of [
      'evil.example',
      'evil.example:80',
      '10.0.0.1',
      'localhost.evil.example',
      '[::1]evil',
      ':80',
    ]) {
      expect(await ask(`Host: ${host}\r\n`)).toBe('403');
    }
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:80', 'FRIEND.example', 'a.localhost']) {
      expect(await ask(`Host: ${host}\r\n`)).toBe('200');
    }
    const open = await start({ host: '0.0.0.0' });
    const health = async (host: string) =>
      (await open.raw(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).split(' ')[1];
    expect([await health('10.0.0.1:8000'), await health('evil.example')]).toEqual(['200', '403']);
  });

  it('asks for its key, but not whether it is well', async () => {
    const server = await start({ key: 'secret' });
    const status = async (authorization: string, path = '/v1/models') =>
      (await server.send('GET', path, undefined, authorization ? { authorization } : {})).status;
    expect(await status('Bearer secret')).toBe(200);
    for (const wrong of ['', 'Bearer secre', 'Bearer secrett', 'Basic secret', 'Bearer', 'secret']) {
      expect(await status(wrong)).toBe(401);
    }
    expect(await status('', '/nowhere')).toBe(401);
    expect(await status('', '/metrics')).toBe(401);
    expect(await status('', '/health')).toBe(200);
  });

  it('counts what it does', async () => {
    const server = await start();
    await server.complete({ prompt, max_tokens: 2 });
    await server.complete({ prompt, tools: 1 });
    await server.send('GET', '/nowhere');
    const { text, headers } = await server.send('GET', '/metrics');
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const line of [
      'moepress_requests_total{route="/v1/completions",method="POST",status="200"} 1',
      'moepress_requests_total{route="/v1/completions",method="POST",status="400"} 1',
      'moepress_requests_total{route="other",method="GET",status="404"} 1',
      'moepress_request_duration_seconds_count{route="/v1/completions"} 2',
      'moepress_tokens_total{kind="prompt"} 13',
      'moepress_tokens_total{kind="completion"} 2',
      'moepress_requests_waiting 0',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  it('takes no more at once than it may, and no longer', async () => {
    const server = await start({ maxRequests: 2, requestTimeout: 1500 });
    // So many continuations that no machine is through with them in time.
    const long = { prompt, n: 1024, max_tokens: 1000, temperature: 5 };
    const slow = [server.complete(long), server.complete({ ...long, stream: true })];
    await underWay(server, 2);
    const refused = await server.complete({ prompt });
    expect(refused).toMatchObject({ status: 429, body: { error: { type: 'rate_limit_error' } } });
    expect(refused.headers.get('retry-after')).toBe('1');
    const [late, stream] = await Promise.all(slow);
    expect(late!.status).toBe(503);
    expect(late!.headers.get('retry-after')).toBe('10');
    if (stream!.status === 200) expect(JSON.parse(eventsIn(stream!.text).at(-1)!).error.code).toBe(503);
    else expect(stream!.status).toBe(503);
    // By one that has time, on a busy machine too.
    expect((await (await start()).complete({ prompt, max_tokens: 1 })).status).toBe(200);
  });

  it('ends what a client that has left asked for', async () => {
    const server = await start();
    const leave = new AbortController();
    const body = JSON.stringify({ prompt, max_tokens: 1000, temperature: 5, stream: true });
    const headers = { 'content-type': 'application/json' };
    const url = `${server.origin}/v1/completions`;
    const { body: stream } = await fetch(url, { method: 'POST', headers, body, signal: leave.signal });
    await stream!.getReader().read();
    leave.abort();
    await underWay(server, 0);
    expect((await server.complete({ prompt, max_tokens: 1 })).status).toBe(200);
  });

  it('closes whatever clients do: uploads that stall, streams that are open, connections that are kept', async () => {
    const server = await start();
    const stalled = server.connect(`${head(1000)}\r\n{"prompt":`);
    const silent = server.connect('');
    const half = server.connect('GET /health HT');
    const kept = server.connect('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const streamed = server.complete({
      prompt,
      max_tokens: 1000,
      temperature: 5,
      seed: 1,
      n: 64,
      stream: true,
    });
    const sockets = [stalled, silent, half, kept];
    await once(kept, 'data');
    const gone = Promise.all(sockets.map(closed));
    let told = '';
    stalled.on('data', (data) => {
      told += data;
    });
    await server.server.close();
    await gone;
    // Not even that it took too long, which it would have been told after thirty seconds.
    expect(told).toBe('');
    const last = eventsIn((await streamed).text).at(-1)!;
    expect(last === '[DONE]' || JSON.parse(last).error.code === 503).toBe(true);
  });
});
