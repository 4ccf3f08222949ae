import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { orAborted } from './aborted.js';
import { maxTextBytes, type ServedModel } from './answers/served-model.js';
import { type Answer, modelCard, openAiApi } from './api.js';
import { hostCheck, keyCheck } from './http/access.js';
import { Admission } from './http/admission.js';
import { Bodies } from './http/body.js';
import { originCheck } from './http/cors.js';
import { clientTimeouts, closing, defaultLimits, type Limits, maxConnections } from './http/limits.js';
import { Metrics } from './http/metrics.js';
import { pathOf } from './http/parse-request.js';
import { asRequestError, type Content, EventStream, json, send, sendError } from './http/respond.js';
import { maxPrompts } from './protocol/parse-field.js';
import { RequestError } from './request-error.js';

/** An HTTP server with OpenAI's API before one model. */
export interface ModelServer {
  readonly http: Server;
  /**
   * Takes no more requests and answers those that came, for three seconds; then those that are left are told that
   * the server stops, and all connections are closed.
   */
  close(): Promise<void>;
}

export interface ServerOptions extends Partial<Limits> {
  /** Other names that clients may call the model, which they are not told. */
  readonly aliases?: readonly string[];
  /** The address that is listened on; `127.0.0.1` by default. */
  readonly host?: string;
  /** Names that clients may call the server besides, see `hostCheck`. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may use the server from a browser, see `originCheck`; none by default. */
  readonly allowedOrigins?: readonly string[];
  /** Null by default: anybody who reaches the server may ask. */
  readonly key?: string | null;
  /** Told of errors that clients have not caused. */
  readonly onError?: (error: unknown) => void;
}

/** What a route does: `get` tells something, `post` answers a body. */
interface Route {
  readonly get?: () => Content | Promise<Content>;
  readonly post?: Answer;
  /** Whether one needs no key. */
  readonly isOpen?: boolean;
}

export function createModelServer(model: ServedModel, options: ServerOptions = {}): ModelServer {
  const limits = { ...defaultLimits, ...options };
  const admission = new Admission(limits.maxRequests, limits.requestTimeout);
  const sizes = { text: maxTextBytes(model), list: Math.max(maxPrompts, model.engine.maxLength) };
  const bodies = new Bodies(limits.maxBody, sizes);
  const metrics = new Metrics(
    () => model.engine.waiting,
    () => admission.count,
  );
  const checkHost = hostCheck(options.host ?? '127.0.0.1', options.allowedHosts ?? []);
  const checkKey = keyCheck(options.key ?? null);
  const answersBrowser = originCheck(options.allowedOrigins ?? []);
  const routes = routesOf(model, metrics, options.aliases ?? []);
  const uploads = new Set<IncomingMessage>();

  const respond = async (
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    begin: () => void,
  ): Promise<void> => {
    const { method } = request;
    const route = Object.hasOwn(routes, path) ? routes[path]! : undefined;
    if (!route?.isOpen) checkKey(request.headers.authorization);
    if (!route) throw new RequestError(404, `There is nothing at ${path.slice(0, 200)}.`);
    if (route.get && (method === 'GET' || method === 'HEAD')) {
      send(response, 200, await route.get());
      return;
    }
    if (!route.post || method !== 'POST') {
      const allow = route.post ? 'POST' : 'GET, HEAD';
      throw new RequestError(405, `${path} takes ${allow}.`, null, { allow });
    }
    admission.checkOpen();
    uploads.add(request);
    const body = await bodies.readJson(request, begin).finally(() => uploads.delete(request));
    await admission.admit(response, async (signal) => {
      const stream = new EventStream(response);
      try {
        const answer = await orAborted(route.post!(body, stream, signal), signal);
        metrics.used(answer.usage);
        keepOrClose(response);
        if (answer.body) send(response, 200, json(answer.body));
      } catch (error) {
        if (!stream.isOpen) throw error;
        tell(error);
        stream.fail(error);
      }
    });
  };

  // A server that closes waits for connections that are kept.
  const keepOrClose = (response: ServerResponse) => {
    if (admission.isClosing) response.shouldKeepAlive = false;
  };
  const tell = (error: unknown) => {
    if (asRequestError(error).status === 500) options.onError?.(error);
  };

  const handle = (request: IncomingMessage, response: ServerResponse, begin: () => void) => {
    const start = performance.now();
    keepOrClose(response);
    let path = 'other';
    response.once('close', () => {
      const route = Object.hasOwn(routes, path) ? path : 'other';
      const known = ['GET', 'HEAD', 'POST'].includes(request.method!) ? request.method! : 'other';
      metrics.answered(
        route,
        known,
        response.headersSent ? response.statusCode : 499,
        (performance.now() - start) / 1000,
      );
    });
    const answered = async () => {
      checkHost(request.headers.host);
      if (answersBrowser(request, response)) return;
      path = pathOf(request.url ?? '');
      await respond(path, request, response, begin);
    };
    answered().catch((error: unknown) => {
      // Nobody is there to be told of what happened because nobody is there.
      if (response.destroyed) return;
      tell(error);
      keepOrClose(response);
      sendError(response, error);
    });
  };

  const http = createServer({
    headersTimeout: clientTimeouts.headers,
    requestTimeout: clientTimeouts.request,
    keepAliveTimeout: clientTimeouts.keepAlive,
    connectionsCheckingInterval: 1000,
  });
  http.maxConnections = maxConnections;
  http.on('request', (request, response) => handle(request, response, () => {}));
  // Of a body that is announced nothing is sent before its headers have been looked at.
  http.on('checkContinue', (request, response) => handle(request, response, () => response.writeContinue()));
  return {
    http,
    async close() {
      const start = performance.now();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      for (const request of uploads) request.destroy();
      await admission.close(closing.answers);
      http.closeIdleConnections();
      const left = Math.max(500, closing.answers - (performance.now() - start));
      await Promise.race([closed, setTimeout(left, undefined, { ref: false })]);
      http.closeAllConnections();
      await Promise.all([closed, bodies.close()]);
    },
  };
}

function routesOf(
  model: ServedModel,
  metrics: Metrics,
  aliases: readonly string[],
): Readonly<Record<string, Route>> {
  const card = modelCard(model);
  const posts = Object.entries(openAiApi(model, aliases)).map(([path, post]): [string, Route] => [
    path,
    { post },
  ]);
  return {
    ...Object.fromEntries(posts),
    '/v1/models': { get: () => json({ object: 'list', data: [card] }) },
    [`/v1/models/${model.name}`]: { get: () => json(card) },
    '/health': { get: () => json({ status: 'ok' }), isOpen: true },
    '/metrics': { get: async () => ({ type: metrics.contentType, text: await metrics.text() }) },
  };
}
