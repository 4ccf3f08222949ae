import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generationDefaults } from '@moepress/checkpoint';
import { type Model, MoepressError } from '@moepress/core';
import { type DeviceOptions, ModelRunner } from '@moepress/runtime';
import type { Context } from '../context.js';
import { openChatTemplate } from '../serve/chat-template.js';
import { createModelServer } from '../serve/server.js';
import { openView, tokenizerOf } from '../source/model.js';

export interface ServeOptions extends DeviceOptions {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly plan?: string;
  readonly servedName?: string;
  readonly threads?: number;
  /** Bytes of anonymous memory to stay within. */
  readonly memory?: number;
  readonly revision?: string;
}

/** `moepress serve <model>`: until Ctrl-C, which lets requests that came be answered. */
export async function serve(id: string, options: ServeOptions, context: Context): Promise<void> {
  const { work } = context;
  const model = await openView(id, { ...options, ...work });
  const tokenizer = await tokenizerOf(model);
  const template = await openChatTemplate(model.source.directory);
  const runner = await ModelRunner.open(model, { ...options, ...work });
  try {
    const name = options.servedName ?? model.id;
    const refusal = refusalOf(model, context);
    const served = { name, runner, tokenizer, eosTokenIds: model.config.eosTokenIds, refusal };
    const server = createModelServer(served, template);
    const baseUrl = await listen(server.http, options);
    context.print(`Serving ${name} on ${baseUrl} (greedy decoding; Ctrl-C stops)`, { model: name, baseUrl });
    if (!work.signal.aborted) await once(work.signal, 'abort');
    await server.close();
  } finally {
    await runner.dispose();
  }
}

/** Why the model cannot be generated from as it is told to, which its user hears at once; scores are not touched. */
function refusalOf(model: Model, { work }: Context): string | null {
  try {
    generationDefaults(model);
    return null;
  } catch (cause) {
    if (!MoepressError.isInstance(cause)) throw cause;
    work.progress({
      type: 'warning',
      message: `Requests to generate are refused. ${cause.message} ${cause.mend}`,
    });
    return `${cause.message} ${cause.mend}`;
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
      mend: 'Choose another --port or --host; --port 0 takes any that is free.',
      cause,
    });
  }
  const { address, family, port: taken } = http.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/v1`;
}
