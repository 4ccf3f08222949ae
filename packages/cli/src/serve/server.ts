import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { MoepressError, type Tokenizer } from '@moepress/core';
import type { ModelRunner } from '@moepress/runtime';
import { readJson } from './body.js';
import { answerChat } from './chat.js';
import type { ChatTemplate } from './chat-template.js';
import { answerCompletion } from './completions.js';
import { ServedEngine } from './engine.js';
import { errorBody, RequestError } from './errors.js';
import { parseChat, parseCompletion } from './protocol.js';

/** An HTTP server with OpenAI's API before one model. */
export interface ModelServer {
  readonly http: Server;
  /** Takes no more requests and answers those that came. */
  close(): Promise<void>;
}

type Answer = (body: unknown, signal: AbortSignal) => Promise<object>;

export interface ServerOptions {
  /** What clients call the model. */
  readonly name: string;
  readonly runner: ModelRunner;
  readonly tokenizer: Tokenizer;
  readonly eosTokenIds: readonly number[];
  /** Why nothing may be generated, if so: settings of the checkpoint that are not implemented. */
  readonly refusal: string | null;
}

export function createModelServer(
  { runner, ...options }: ServerOptions,
  template: ChatTemplate | null,
): ModelServer {
  const engine = new ServedEngine(runner, options.tokenizer);
  const model = { ...options, engine };
  const created = seconds();
  const card = {
    id: model.name,
    object: 'model',
    created,
    owned_by: 'moepress',
    max_model_len: engine.maxLength,
  };

  const envelope = (prefix: string, object: string) => ({
    id: `${prefix}-${randomUUID()}`,
    object,
    created: seconds(),
    model: model.name,
  });
  const checkModel = (name: string | undefined) => {
    if (name === undefined || name === model.name) return;
    throw new RequestError(404, `There is no model "${name}" here, only "${model.name}".`, 'model');
  };
  const posts: Readonly<Record<string, Answer>> = {
    async '/v1/completions'(body, signal) {
      const request = parseCompletion(body);
      checkModel(request.model);
      const answer = await answerCompletion(model, request, signal);
      return { ...envelope('cmpl', 'text_completion'), ...answer };
    },
    async '/v1/chat/completions'(body, signal) {
      const request = parseChat(body);
      checkModel(request.model);
      const answer = await answerChat(model, template, request, signal);
      return { ...envelope('chatcmpl', 'chat.completion'), ...answer };
    },
  };
  const gets: Readonly<Record<string, object>> = {
    '/v1/models': { object: 'list', data: [card] },
    [`/v1/models/${model.name}`]: card,
  };

  const respond = async (request: IncomingMessage, gone: AbortSignal): Promise<object> => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const post = Object.hasOwn(posts, path) ? posts[path] : undefined;
    const get = Object.hasOwn(gets, path) ? gets[path] : undefined;
    if (post && request.method === 'POST') return post(await readJson(request), gone);
    if (get && request.method === 'GET') return get;
    if (post || get) throw new RequestError(405, `${path} takes ${post ? 'POST' : 'GET'}.`);
    throw new RequestError(404, `There is nothing at ${path}.`);
  };

  const http = createServer((request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    respond(request, gone.signal).then(
      (body) => send(response, 200, body, http.listening),
      (error: unknown) => sendError(response, error, http.listening),
    );
  });
  return {
    http,
    async close() {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      await closed;
      await engine.drain();
    },
  };
}

const seconds = () => Math.floor(Date.now() / 1000);

function sendError(response: ServerResponse, error: unknown, keepAlive: boolean): void {
  const { status, message, param } = error instanceof RequestError ? error : unforeseen(error);
  send(response, status, errorBody(status, message, param), keepAlive);
}

/** Ids outside the vocabulary and the like are the client's fault, all else is not. */
function unforeseen(error: unknown): RequestError {
  const isInput = MoepressError.isInstance(error) && error.code === 'INPUT_INVALID';
  return new RequestError(isInput ? 400 : 500, error instanceof Error ? error.message : String(error));
}

/** `keepAlive`: not once the server closes, which waits for connections that are kept. */
function send(response: ServerResponse, status: number, body: object, keepAlive: boolean): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  // A client whose request was not read to its end would send on into nothing.
  if (!keepAlive || !response.req.complete) response.shouldKeepAlive = false;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
