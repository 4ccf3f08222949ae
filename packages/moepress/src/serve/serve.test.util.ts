import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { ModelRunner } from '@moepress/runtime';
import { tinyModel } from '@moepress/tiny';
import { afterAll, beforeAll } from 'vitest';
import { ServedEngine } from './answers/served-engine.js';
import type { ModelServer, ServerOptions } from './model-server.js';
import { openTexts, serveModel } from './serve-model.js';

/** Writes the first message as a question; a number of turns makes it slow. */
const template = `{% for i in range(turns or 0) %}{% for j in range(100) %}{{ '' }}{% endfor %}{% endfor %}{% for m in messages %}{% if m.role != 'user' %}{{ raise_exception('Only users.') }}{% endif %}Question: {{ m.content }}
{% endfor %}Answer:`;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
  readonly body: any;
}

/** A server of the embedded model, with a chat template, in this process. */
export class TestServer {
  readonly server: ModelServer;
  readonly origin: string;

  constructor(server: ModelServer) {
    this.server = server;
    this.origin = `http://127.0.0.1:${(server.http.address() as AddressInfo).port}`;
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const init =
      body === undefined ? {} : { body: text, headers: { 'content-type': 'application/json', ...headers } };
    const response = await fetch(this.origin + path, { headers, ...init, method });
    const answer = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json' && answer !== '';
    return {
      status: response.status,
      headers: response.headers,
      text: answer,
      body: isJson ? JSON.parse(answer) : null,
    };
  }

  complete(body: object): Promise<Answer> {
    return this.send('POST', '/v1/completions', body);
  }

  chat(body: object): Promise<Answer> {
    return this.send('POST', '/v1/chat/completions', body);
  }

  /** What the server says to bytes, until it closes the connection. */
  async raw(bytes: string): Promise<string> {
    const socket = this.connect(bytes);
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    await closed(socket);
    return text;
  }

  connect(bytes: string): Socket {
    const socket = connect(Number(new URL(this.origin).port), '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => {});
    return socket;
  }
}

/** When a connection has ended, also by being cut off. */
export const closed = (socket: Socket) =>
  new Promise<void>((resolve) => socket.once('close', () => resolve()));

/** The data of server-sent events. */
export function eventsIn(text: string): string[] {
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}

/** Runs servers of one model for the tests of a file; calling what comes back starts one. */
export function servedTiny(): (options?: ServerOptions) => Promise<TestServer> {
  let folder: string;
  let runner: ModelRunner;
  // One for all of them: a runner does one thing at a time.
  let engine: ServedEngine;
  const running: ModelServer[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'moepress-serve-'));
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
      cpSync(join(tinyModel.directory, name), join(folder, name));
    }
    writeFileSync(join(folder, 'chat_template.jinja'), template);
    runner = await ModelRunner.open(await openModel(folder));
    engine = new ServedEngine(runner);
  });
  afterAll(async () => {
    for (const server of running) await server.close();
    await runner?.dispose();
    rmSync(folder, { recursive: true });
  });
  return async (options) => {
    const model = await openModel(folder);
    const served = {
      ...(await openTexts(model)),
      model,
      engine,
      name: 'served',
      hasRules: false,
      maxNewTokens: null,
      refusal: null,
    };
    const server = serveModel(served, options);
    running.push(server);
    server.http.listen(0, '127.0.0.1');
    await once(server.http, 'listening');
    return new TestServer(server);
  };
}
