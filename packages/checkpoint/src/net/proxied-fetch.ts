import type { Dispatcher } from 'undici';
import { type Proxies, readProxies } from './proxies.js';

/** What `fetch` takes, but for `Request` objects. */
export type Fetch = (input: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * `fetch` through the proxies of the environment (`readProxies`), redirects included. Requests to plain http servers
 * are handed to the proxy, those to https servers tunnelled. Throws `INPUT_INVALID` for a variable that names no proxy,
 * and what `fetch` throws.
 */
export const proxiedFetch: Fetch = async (input, init) => {
  const proxies = readProxies(process.env);
  if (proxies === null) return fetch(input, init);
  // Node's own fetch knows no proxies before version 24. Loaded only where there are some.
  const undici = await import('undici');
  const headers = Object.fromEntries(new Headers(init?.headers));
  const sent = { ...init, headers, dispatcher: dispatcherOf(undici, proxies) } as Parameters<
    typeof undici.fetch
  >[1];
  return (await undici.fetch(input, sent)) as unknown as Response;
};

/** Agents by proxy, so that connections stay open from one request to the next. */
const agents = new Map<string, Dispatcher>();

/** Chooses the way anew for each hop of a redirect. */
function dispatcherOf(undici: typeof import('undici'), proxies: Proxies): Dispatcher {
  return new (class extends undici.Dispatcher {
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      const proxy = proxies.proxyFor(new URL(String(options.origin)));
      const key = proxy?.href ?? '';
      const agent = agents.get(key) ?? (proxy ? agentThrough(undici, proxy) : new undici.Agent());
      agents.set(key, agent);
      return agent.dispatch(options, handler);
    }
  })();
}

function agentThrough({ ProxyAgent }: typeof import('undici'), proxy: URL): Dispatcher {
  const { origin, username, password } = proxy;
  const credentials = [username, password].map(decodeURIComponent).join(':');
  const token = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return new ProxyAgent({ uri: origin, proxyTunnel: false, ...(username !== '' && { token }) });
}

/**
 * The same answer, whose body fails after more than the given number of bytes, because a server may send any number.
 */
export function bounded({ body, status, statusText, headers }: Response, bytes: number): Response {
  return new Response(body?.pipeThrough(atMost(bytes)) ?? null, { status, statusText, headers });
}

function atMost(bytes: number): TransformStream<Uint8Array, Uint8Array> {
  let left = bytes;
  return new TransformStream({
    transform(chunk, controller) {
      left -= chunk.length;
      if (left < 0) throw new Error(`the answer has more than ${bytes} bytes`);
      controller.enqueue(chunk);
    },
  });
}
