import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface CompletionsBody {
  readonly model: string;
  readonly prompt: number[][];
  readonly max_tokens: number;
  readonly echo?: boolean;
  readonly stop?: string[];
}

/** What goes wrong with a request, by its number from 0; null: nothing. */
export type Mishap = { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'hang up';

export interface CompletionsServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly bodies: CompletionsBody[];
  readonly authorizations: (string | undefined)[];
  /** Most requests that were open at once. */
  busiest: number;
}

export interface CompletionsOptions {
  /** The log-probability and likeliest alternative of a token; its text is its id. */
  readonly score: (id: number) => { logprob: number; best: number };
  readonly generate?: (prompt: number[]) => string;
  readonly mishap?: (request: number) => Mishap | null;
  /** Tokens put before every prompt, as servers that add a BOS do. */
  readonly prefix?: number[];
}

/** A server with OpenAI's completions over a model given as functions. It sends choices last first. */
export async function completionsServer(options: CompletionsOptions): Promise<CompletionsServer> {
  let open = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== '/v1/completions') return response.writeHead(404).end('nothing here');
    const number = server.bodies.length;
    server.authorizations.push(request.headers.authorization);
    const body = JSON.parse(await text(request)) as CompletionsBody;
    server.bodies.push(body);
    server.busiest = Math.max(server.busiest, ++open);
    response.on('close', () => open--);
    const mishap = options.mishap?.(number) ?? null;
    if (mishap === 'hang') return;
    if (mishap === 'hang up') return response.destroy();
    if (mishap) {
      response.writeHead(mishap.status, mishap.headers).end(mishap.body ?? '');
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
    const choices = body.prompt.map((prompt, index) =>
      body.echo
        ? echoed([...(options.prefix ?? []), ...prompt], index)
        : { index, text: options.generate!(prompt) },
    );
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ choices: choices.reverse() }));
  };
  const echoed = (prompt: number[], index: number) => {
    const scored = [...prompt, 0].map((id) => ({ id, ...options.score(id) }));
    return {
      index,
      text: '',
      logprobs: {
        token_logprobs: scored.map(({ logprob }, at) => (at === 0 ? null : logprob)),
        top_logprobs: scored.map(({ id, logprob, best }, at) =>
          at === 0 ? null : { [id]: logprob, [`best ${id}`]: best },
        ),
      },
    };
  };
  const http = createServer((request, response) => void handle(request, response));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const server: CompletionsServer = {
    baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`,
    bodies: [],
    authorizations: [],
    busiest: 0,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      http.close();
    },
  };
  return server;
}
