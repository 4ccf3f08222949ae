/** A Hub of one repository on 127.0.0.1, which can be told to misbehave. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, sep } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../support.test.util.js';
import type { HubRepository } from './remote.js';

export const commit = 'c0ffee'.padEnd(40, '0');
export const repository = 'org/name';

export interface FakeHub {
  /** "GET path" and, of downloads, the range. */
  readonly requests: string[];
  readonly cache: string;
  /** What its branches stand for; at first `commit`. */
  commit: string;
  /** Files it lists besides, though it does not have them. */
  readonly phantoms: object[];
  /** Cuts the connection after so many bytes of each of the next answers for a file. */
  readonly cuts: Map<string, number[]>;
  /** What to do instead of answering. */
  refuse: ((request: IncomingMessage) => number | undefined) | undefined;
  /** Whether ranges are ignored, and 200 is answered without a word on them, as stores of files behind mirrors do. */
  wholeFiles: boolean;
  /** Pages of its listing before the last; Infinity: there is none. */
  pages: number;
  /** Bytes that it puts into a page of its listing. */
  padding: number;
  /** Files whose last byte it changes. */
  readonly damaged: Set<string>;
  /** Files of which it sends one byte more than it lists. */
  readonly longer: Set<string>;
  stop(): Promise<void>;
}

/**
 * Serves the files of a folder as the repository, safetensors as large files, and points HF_ENDPOINT
 * and HF_HOME at it.
 */
export async function startHub(folder: string, type: HubRepository['type'] = 'model'): Promise<FakeHub> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(path.slice(folder.length + 1).replaceAll(sep, '/'), await readFile(path));
  }
  const home = await temporaryFolder();
  const hub: FakeHub = {
    requests: [],
    cache: join(home, 'hub'),
    commit,
    phantoms: [],
    cuts: new Map(),
    refuse: undefined,
    wholeFiles: false,
    pages: 0,
    padding: 0,
    damaged: new Set(),
    longer: new Set(),
    stop: () => new Promise((done) => server.close(() => done()) && server.closeAllConnections()),
  };
  const server = createServer((request, response) => answer(request, response, { hub, type, files }));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('HF_HOME', home);
  for (const name of [
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HUB_DISABLE_IMPLICIT_TOKEN',
    'HF_HUB_OFFLINE',
    'TRANSFORMERS_OFFLINE',
    ...['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'].flatMap((name) => [name, name.toUpperCase()]),
  ]) {
    vi.stubEnv(name, undefined);
  }
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await hub.stop();
  });
  return hub;
}

interface Served {
  readonly hub: FakeHub;
  readonly type: HubRepository['type'];
  readonly files: ReadonlyMap<string, Buffer>;
}

function answer(request: IncomingMessage, response: ServerResponse, { hub, type, files }: Served): void {
  const { pathname } = new URL(request.url!, 'http://hub');
  const range = request.headers.range;
  hub.requests.push(`${request.method} ${pathname}${range ? ` ${range}` : ''}`);
  const status = hub.refuse?.(request);
  if (status !== undefined) {
    response.writeHead(status).end();
    return;
  }
  const page = type === 'model' ? `/${repository}` : `/datasets/${repository}`;
  const [, file] = pathname.match(`^${page}/resolve/${hub.commit}/(.+)$`) ?? [];
  if (pathname.startsWith(`/api/${type}s/${repository}/revision/`)) {
    sendJson(response, { _id: '1', id: repository, sha: hub.commit, lastModified: 0 });
  } else if (pathname === `/api/${type}s/${repository}/tree/${hub.commit}`) {
    if (hub.pages-- > 0) {
      response.setHeader('link', `<http://${request.headers.host}${request.url}>; rel="next"`);
      sendJson(
        response,
        hub.padding > 0 ? [{ type: 'directory', path: 'x'.repeat(hub.padding), size: 0 }] : [],
      );
      return;
    }
    sendJson(response, [...[...files].map(([path, bytes]) => listed(path, bytes)), ...hub.phantoms]);
  } else if (file !== undefined && files.has(file)) {
    sendFile(response, { name: file, bytes: files.get(file)!, range }, hub);
  } else {
    response.writeHead(404).end();
  }
}

function listed(path: string, bytes: Buffer): object {
  const entry = { type: 'file', path, size: bytes.length, oid: sha1(bytes) };
  if (!path.endsWith('.safetensors')) return entry;
  return { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } };
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function sendFile(
  response: ServerResponse,
  { name, bytes, range }: { name: string; bytes: Buffer; range: string | undefined },
  hub: FakeHub,
): void {
  const [, from = '0', to = ''] = range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
  const last = to === '' ? bytes.length - 1 : Number(to);
  const whole = range === undefined || hub.wholeFiles;
  const asked = whole ? bytes : bytes.subarray(Number(from), last + 1);
  const body = Buffer.concat([asked, Buffer.alloc(hub.longer.has(name) ? 1 : 0)]);
  if (hub.damaged.has(name)) body[body.length - 1]! ^= 1;
  response.writeHead(whole ? 200 : 206, {
    etag: `"${sha1(bytes)}"`,
    'content-length': body.length,
    ...(whole ? {} : { 'content-range': `bytes ${from}-${last}/${bytes.length}` }),
  });
  const cut = hub.cuts.get(name)?.shift();
  if (cut === undefined) response.end(body);
  else response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20));
}

const sha1 = (bytes: Buffer) => createHash('sha1').update(bytes).digest('hex');
export const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
