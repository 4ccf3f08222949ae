import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, resolve } from 'node:path';
import { anonymousMemory, generationDefaults } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { checkList, checkNumber, checkText, invalidOption } from '../check-options.js';
import { type ModelInput, type ModelOptions, resolveModel } from '../models/open-model.js';
import { type WorkOptions, workOf } from '../options.js';
import type { PlanInput } from '../plans/plan-file.js';
import { openSession, type SessionOptions } from '../session.js';
import { ServedEngine } from './answers/served-engine.js';
import { isLoopback, parseKey } from './http/access.js';
import { checkOrigin } from './http/cors.js';
import { openTexts, type Served, serveModel } from './serve-model.js';

export interface CreateServerOptions extends SessionOptions, ModelOptions, WorkOptions {
  /** Serves the model as this plan changes it. */
  readonly plan?: PlanInput | undefined;
  /** The address to listen on; 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** 0 takes any that is free; 8000 by default. */
  readonly port?: number | undefined;
  /** What clients call the model; by default its id on the Hub, or the name of its folder. */
  readonly servedName?: string | undefined;
  /** What clients have to send; by default anybody who reaches the server may ask. */
  readonly apiKey?: string | undefined;
  /** Names that clients may call this machine. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins of pages that may use the server from a browser, such as `http://localhost:3000`; `*` stands for all; none by default. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Requests at once; more are told to come again; 256 by default. */
  readonly maxRequests?: number | undefined;
  /** Bytes of the largest request; 4 MiB by default. */
  readonly maxBody?: number | undefined;
  /** Seconds that an answer may take; 600 by default. */
  readonly requestTimeout?: number | undefined;
}

/** Bytes that the threads which read bodies and long texts take, and requests and answers on their way. */
const servingBytes = 48 * 2 ** 20;

/** A server that answers OpenAI's completions and chats with a model. */
export interface LocalServer {
  /** What clients call the model. */
  readonly name: string;
  /** Gives the base URL that clients use. Throws `INPUT_INVALID` where it cannot listen, `SESSION_CLOSED` once it has stopped. */
  listen(): Promise<string>;
  /**
   * Takes no more requests, answers those that came for three seconds, closes all connections, and waits until the engine
   * has come to the end of what it is computing, which cannot be broken off.
   */
  stop(): Promise<void>;
  /** Stops, unless it has stopped, and frees the model. */
  close(): Promise<void>;
}

/**
 * Opens a model for a server, which answers once it listens. Whoever creates it closes it. `onProgress` is warned of
 * requests that failed. Throws what `openSession` throws, `TOKENIZER_MISSING`, and `INPUT_INVALID` for options that
 * cannot be meant, such as a key that cannot stand in a header.
 */
export async function createServer(
  model: ModelInput,
  options: CreateServerOptions = {},
): Promise<LocalServer> {
  checkServing(options);
  const { host = '127.0.0.1', port = 8000, requestTimeout = 600 } = options;
  const key = parseKey(options.apiKey, 'apiKey');
  const { progress } = workOf(options);
  const warn = (message: string) => progress?.({ type: 'warning', message });
  const opened = await resolveModel(model, options);
  const { name, aliases } = await namesOf(model, opened, options.servedName);
  const generation = generationOf(opened, warn);
  const texts = await openTexts(opened);
  const { idle = anonymousMemory() + servingBytes } = options;
  const session = await openSession(opened, { ...options, idle, plan: undefined });
  try {
    const runner = await session.ready();
    await session.generationFacts(workOf(options));
    const engine = new ServedEngine(
      {
        maxLength: runner.maxLength,
        scoreTokens: (items, work) => runner.scoreTokens(items, work),
        generate: (prompts, asked) => session.generate(prompts, asked),
      },
      progress,
    );
    const { http, close } = serveModel(
      { ...texts, model: opened, engine, name, ...generation },
      {
        host,
        ...(options.maxRequests !== undefined && { maxRequests: options.maxRequests }),
        ...(options.maxBody !== undefined && { maxBody: options.maxBody }),
        requestTimeout: Math.min(1000 * requestTimeout, longestTimer),
        aliases,
        allowedHosts: options.allowedHosts ?? [],
        allowedOrigins: options.allowedOrigins ?? [],
        key,
        onError(error) {
          try {
            warn(`A request failed. ${describe(error)}`);
          } catch {
            // Nobody waits here for what `onProgress` throws.
          }
        },
      },
    );
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= close();
      return stopped;
    };
    return {
      name,
      async listen() {
        if (stopped)
          throw new MoepressError('SESSION_CLOSED', { message: `The server of ${name} is closed.` });
        const url = await listen(http, { host, port });
        if (key === null && !isLoopback(host)) {
          warn(`Whoever reaches ${host} may use the model: there is no \`apiKey\`.`);
        }
        return url;
      },
      stop,
      async close() {
        try {
          await stop();
        } finally {
          await session.close();
        }
      },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Milliseconds that a timer of Node counts to, about 25 days; it goes off at once for more. */
const longestTimer = 2 ** 31 - 1;

/** Throws `INPUT_INVALID` for options that no server can have, before a model is opened for it. */
function checkServing(options: CreateServerOptions): void {
  const { host, port, servedName, allowedHosts, maxRequests, maxBody, requestTimeout } = options;
  if (host !== undefined) checkText({ where: 'host', value: host }, 'the address to listen on');
  if (servedName !== undefined) checkText({ where: 'servedName', value: servedName }, 'a name');
  if (allowedHosts !== undefined) {
    const isName = (name: unknown) => typeof name === 'string' && name !== '';
    checkList({ where: 'allowedHosts', value: allowedHosts }, 'a list of names of hosts', isName);
  }
  for (const origin of options.allowedOrigins ?? []) checkOrigin(origin);
  checkNumber({ where: 'port', value: port }, 0);
  if (port !== undefined && port > 65_535) {
    throw invalidOption({ where: 'port', value: port }, 'a port of at most 65535');
  }
  checkNumber({ where: 'maxRequests', value: maxRequests }, 1);
  checkNumber({ where: 'maxBody', value: maxBody }, 1);
  checkNumber({ where: 'requestTimeout', value: requestTimeout }, 0.001, false);
}

/** What clients call the model: never where it lies on this machine. They may call it as the caller does. */
async function namesOf(given: ModelInput, model: Model, servedName: string | undefined) {
  if (servedName !== undefined) return { name: servedName, aliases: [] };
  const id = typeof given === 'string' ? given : given.id;
  const isFolder = (await stat(id).catch(() => null))?.isDirectory() ?? false;
  const name = isFolder ? basename(resolve(id)) + model.id.slice(id.length) : model.id;
  return { name, aliases: [id, model.id] };
}

const describe = (error: unknown) =>
  MoepressError.isInstance(error) ? `${error.message} ${error.hint}` : String(error);

/** How the checkpoint wants to be generated from; where that cannot be done its user hears why at once. Scores are not touched. */
function generationOf(
  model: Model,
  warn: (message: string) => void,
): Pick<Served, 'hasRules' | 'maxNewTokens' | 'refusal'> {
  try {
    const { rules, maxNewTokens } = generationDefaults(model);
    return { hasRules: rules !== null, maxNewTokens, refusal: null };
  } catch (cause) {
    if (!MoepressError.isInstance(cause)) throw cause;
    warn(`Requests to generate are refused. ${cause.message} ${cause.hint}`);
    return { hasRules: false, maxNewTokens: null, refusal: `${cause.message} ${cause.hint}` };
  }
}

async function listen(
  http: HttpServer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    http.listen(port, host);
    await once(http, 'listening');
  } catch (cause) {
    throw new MoepressError('INPUT_INVALID', {
      message: `The server cannot listen there: ${(cause as Error).message}.`,
      where: 'port',
      hint: 'Choose another `port` or `host`; port 0 takes any that is free.',
      cause,
    });
  }
  const { address, family, port: taken } = http.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/v1`;
}
