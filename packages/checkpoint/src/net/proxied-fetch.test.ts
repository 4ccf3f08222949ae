import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { proxiedFetch } from './proxied-fetch.js';

async function listen(server: Server): Promise<string> {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(
    () => new Promise<void>((done) => server.close(() => done()) && server.closeAllConnections()),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that answers by itself for http, and one tunnel for everything. */
async function startProxy() {
  const seen: string[] = [];
  const note = ({ method, url, headers }: IncomingMessage) =>
    seen.push([method, url, headers['proxy-authorization'] ?? ''].join(' ').trim());
  const server = createServer((request, response) => {
    note(request);
    if (request.url === 'http://hub.internal/away')
      response.writeHead(302, { location: 'http://cdn.internal/x' });
    response.end(`${request.method} ${request.headers.host}`);
  });
  server.on('connect', (request, socket) => {
    note(request);
    socket.end('HTTP/1.1 502 No Tunnel\r\n\r\n');
  });
  return { seen, place: await listen(server) };
}

for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy']) {
  for (const one of [name, name.toUpperCase()]) vi.stubEnv(one, undefined);
}

it('hands requests to the proxy, redirects too', async () => {
  const { seen, place } = await startProxy();
  vi.stubEnv('HTTP_PROXY', `http://us%3Aer:pass@${place}`);
  const headers = new Headers({ authorization: 'Bearer x' });
  const response = await proxiedFetch('http://hub.internal/away', { headers });
  expect([response.status, await response.text()]).toEqual([200, 'GET cdn.internal']);
  const credentials = Buffer.from('us:er:pass').toString('base64');
  expect(seen).toEqual([
    `GET http://hub.internal/away Basic ${credentials}`,
    `GET http://cdn.internal/x Basic ${credentials}`,
  ]);
});

it('tunnels to https servers', async () => {
  const { seen, place } = await startProxy();
  vi.stubEnv('HTTPS_PROXY', place);
  await expect(proxiedFetch('https://hub.internal/x')).rejects.toThrow();
  expect(seen).toEqual(['CONNECT hub.internal:443']);
});

it('asks the hosts of NO_PROXY itself, and posts bodies', async () => {
  const { seen, place } = await startProxy();
  const own = await listen(
    createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end(`own ${body}`);
    }),
  );
  vi.stubEnv('HTTP_PROXY', place);
  const post = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
  expect(await (await proxiedFetch(`http://${own}/v1`, post)).text()).toBe(`POST ${own}`);
  vi.stubEnv('NO_PROXY', '127.0.0.1');
  expect(await (await proxiedFetch(`http://${own}/v1`, post)).text()).toBe('own {"a":1}');
  expect(seen).toEqual([`POST http://${own}/v1`]);
});

it('stops when told to', async () => {
  const silent = createServer(() => {});
  vi.stubEnv('HTTP_PROXY', await listen(silent));
  const signal = AbortSignal.timeout(50);
  await expect(proxiedFetch('http://hub.internal/x', { signal })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});
