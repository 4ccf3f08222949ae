import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { generationDefaults } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { type DeviceOptions, ModelRunner } from '@moepress/runtime';
import { openView } from '../../src/models/open-model.js';
import { isLoopback, parseKey } from '../../src/serve/http/access.js';
import { closing } from '../../src/serve/http/limits.js';
import type { ModelServer } from '../../src/serve/model-server.js';
import type { Served } from '../../src/serve/serve-model.js';
import { ServedEngine } from '../../src/serve/served-engine.js';
import type { Context } from '../context.js';

export interface ServeOptions extends DeviceOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly plan?: string;
  readonly servedName?: string;
  /** What clients have to send; that of the environment variable `MOEPRESS_API_KEY` by default. */
  readonly apiKey?: string;
  readonly allowedHost?: readonly string[];
  /** See `Limits`; the time in seconds. */
  readonly maxRequests: number;
  readonly maxBody: number;
  readonly requestTimeout: number;
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
  readonly revision?: string;
}

/** `moepress serve <model>`: until Ctrl-C, which lets requests that came be answered. */
export async function serve(id: string, options: ServeOptions, context: Context): Promise<void> {
  const { work } = context;
  const key =
    parseKey(options.apiKey, '--api-key') ?? parseKey(process.env.MOEPRESS_API_KEY, 'MOEPRESS_API_KEY');
  // No other command needs the server.
  const { openTexts, serveModel } = await import('../../src/serve/serve-model.js');
  const model = await openView(id, { ...options, ...work });
  const { name, aliases } = await namesOf(id, model, options.servedName);
  const generation = generationOf(model, context);
  const texts = await openTexts(model);
  const runner = await ModelRunner.open(model, { ...options, ...work });
  try {
    const { host, maxRequests, maxBody } = options;
    const server = serveModel(
      { ...texts, model, engine: new ServedEngine(runner, work.progress), name, ...generation },
      {
        host,
        maxRequests,
        maxBody,
        requestTimeout: 1000 * options.requestTimeout,
        aliases,
        allowedHosts: options.allowedHost ?? [],
        key,
        onError: (error) => warn(context, `A request failed. ${describe(error)}`),
      },
    );
    const baseUrl = await listen(server.http, options);
    if (key === null && !isLoopback(options.host)) {
      warn(context, `Whoever reaches ${options.host} may use the model: there is no --api-key.`);
    }
    context.print(`Serving ${name} on ${baseUrl} (Ctrl-C stops)`, { model: name, baseUrl });
    if (!work.signal.aborted) await once(work.signal, 'abort');
    await stop(server, runner);
  } finally {
    await runner.dispose();
  }
}

/** Ends the process, whatever is under way, if the engine does not come to the end of a step in time. */
async function stop(server: ModelServer, runner: ModelRunner): Promise<void> {
  const over = new AbortController();
  setTimeout(closing.everything, undefined, { ref: false, signal: over.signal }).then(
    // As a second Ctrl-C does: leaving the usual way would wait for the engine.
    () => process.kill(process.pid, 'SIGTERM'),
    () => {},
  );
  await server.close();
  await runner.dispose();
  over.abort();
}

/**
 * What clients call the model: never where it lies on this machine. They may call it as the user of the command does.
 */
async function namesOf(id: string, model: Model, servedName: string | undefined) {
  const isFolder = (await stat(id).catch(() => null))?.isDirectory() ?? false;
  const own = isFolder ? basename(resolve(id)) + model.id.slice(id.length) : model.id;
  return servedName === undefined
    ? { name: own, aliases: [id, model.id] }
    : { name: servedName, aliases: [] };
}

const warn = ({ work }: Context, message: string) => work.progress({ type: 'warning', message });

const describe = (error: unknown) =>
  MoepressError.isInstance(error) ? `${error.message} ${error.hint}` : String(error);

/** How the checkpoint wants to be generated from; where that cannot be done its user hears why at once. Scores are not touched. */
function generationOf(model: Model, context: Context): Pick<Served, 'hasRules' | 'maxNewTokens' | 'refusal'> {
  try {
    const { rules, maxNewTokens } = generationDefaults(model);
    return { hasRules: rules !== null, maxNewTokens, refusal: null };
  } catch (cause) {
    if (!MoepressError.isInstance(cause)) throw cause;
    warn(context, `Requests to generate are refused. ${cause.message} ${cause.hint}`);
    return { hasRules: false, maxNewTokens: null, refusal: `${cause.message} ${cause.hint}` };
  }
}

async function listen(http: Server, { host, port }: ServeOptions): Promise<string> {
  try {
    http.listen(port, host);
    await once(http, 'listening');
  } catch (cause) {
    throw new MoepressError('INPUT_INVALID', {
      message: `The server cannot listen there: ${(cause as Error).message}.`,
      where: '--port',
      hint: 'Choose another --port or --host; --port 0 takes any that is free.',
      cause,
    });
  }
  const { address, family, port: taken } = http.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/v1`;
}
