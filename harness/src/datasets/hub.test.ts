import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { hubSource } from './hub.js';

const commit = 'c0ffee'.padEnd(40, '0');
const dataset = { path: 'someone/facts', config: 'main', files: null };

function parquet(...texts: string[]): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'text', data: texts, type: 'STRING' }] }));
}

/** Files of each revision of the one repository on the test's Hub. */
type Revisions = Record<string, Record<string, Buffer>>;

let home: string;
let server: Server;
let requests: string[];

async function listen(handler: RequestListener): Promise<void> {
  server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

async function startHub(revisions: Revisions, status = 200): Promise<void> {
  requests = [];
  const files = Object.assign({}, ...Object.values(revisions));
  let asked = '';
  await listen(({ url = '', headers }, response) => {
    requests.push(`${url} ${headers.authorization ?? 'anonymous'}`);
    const send = (code: number, body: string | Buffer, extra = {}) => {
      response.writeHead(code, { etag: '"1"', ...extra }).end(body);
    };
    const [, revision] = /^\/api\/datasets\/someone\/facts\/revision\/([^?]+)/.exec(url) ?? [];
    const [, file] = /^\/datasets\/someone\/facts\/resolve\/[0-9a-f]+\/(.+)$/.exec(url) ?? [];
    if (status !== 200) return send(status, '{}');
    if (revision) {
      asked = decodeURIComponent(revision);
      return revisions[asked] ? send(200, JSON.stringify({ sha: commit })) : send(404, '{}');
    }
    if (file && files[file]) return sendRange(files[file], headers.range, send);
    const entries = Object.keys(revisions[asked] ?? {}).map((name) => ({
      type: 'file',
      path: name,
      size: 1,
    }));
    return send(200, JSON.stringify(entries));
  });
}

function sendRange(
  body: Buffer,
  range: string | undefined,
  send: (code: number, body: Buffer, headers?: object) => void,
): void {
  const [, start, end] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? [];
  if (start) {
    const part = body.subarray(Number(start), Number(end) + 1);
    send(206, part, { 'content-range': `bytes ${start}-${Number(end)}/${body.length}` });
  } else send(200, body);
}

function stopHub(): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'moepress-hub-'));
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_TOKEN', 'hf_secret');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await stopHub();
  await rm(home, { recursive: true });
});

const sharded: Revisions = {
  main: {
    'README.md': Buffer.from('facts'),
    'main/test-00001-of-00002.parquet': parquet('c'),
    'main/test-00000-of-00002.parquet': parquet('a', 'b'),
    'main/testing-00000-of-00001.parquet': parquet('wrong'),
  },
};

it("reads the repository's own Parquet files, shards in order", async () => {
  await startHub(sharded);
  const found = await hubSource.load(dataset, 'test');
  expect(found).toMatchObject({ rows: [{ text: 'a' }, { text: 'b' }, { text: 'c' }] });
  expect(requests.every((request) => request.endsWith('Bearer hf_secret'))).toBe(true);
});

it("reads the Hub's conversion of a repository without Parquet", async () => {
  const converted = { 'main/test/0000.parquet': parquet('x') };
  await startHub({ main: { 'facts.py': Buffer.from('') }, 'refs/convert/parquet': converted });
  expect(await hubSource.load(dataset, 'test')).toMatchObject({ rows: [{ text: 'x' }] });
});

it('lays its cache out as Python does and needs no network afterwards', async () => {
  await startHub(sharded);
  await hubSource.load(dataset, 'test');
  const snapshot = path.join(home, 'hub/datasets--someone--facts/snapshots', commit, 'main');
  expect((await readdir(snapshot)).sort()).toEqual([
    'test-00000-of-00002.parquet',
    'test-00001-of-00002.parquet',
  ]);
  await stopHub();
  expect(await hubSource.load(dataset, 'test')).toMatchObject({
    rows: [{ text: 'a' }, { text: 'b' }, { text: 'c' }],
  });
});

it('downloads nothing twice', async () => {
  await startHub(sharded);
  await hubSource.load(dataset, 'test');
  requests.length = 0;
  await hubSource.load(dataset, 'test');
  expect(requests.some((request) => request.includes('/resolve/'))).toBe(false);
});

it('says what is missing', async () => {
  await startHub(sharded);
  expect(await hubSource.load(dataset, 'validation')).toEqual({
    missing: expect.stringContaining('no Parquet'),
  });
  await stopHub();
  await rm(path.join(home, 'hub'), { recursive: true, force: true });
  expect(await hubSource.load(dataset, 'test')).toEqual({
    missing: expect.stringContaining('cannot be reached'),
  });
});

it('says that a dataset is gated, and that the Hub is out of order', async () => {
  await startHub(sharded, 401);
  await expect(hubSource.load(dataset, 'test')).rejects.toMatchObject({ code: 'HUB_FORBIDDEN' });
  await stopHub();
  await startHub(sharded, 500);
  await expect(hubSource.load(dataset, 'test')).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
});

it('refuses a commit that would lead out of the cache', async () => {
  await listen((_, response) => response.end(JSON.stringify({ sha: '../../escape' })));
  expect(await hubSource.load(dataset, 'test')).toEqual({ missing: expect.stringContaining('no commit') });
  expect(await readdir(home)).toEqual([]);
});

it('stops when told to', async () => {
  await startHub(sharded);
  const work = { signal: AbortSignal.abort() };
  await expect(hubSource.load(dataset, 'test', work)).rejects.toMatchObject({ code: 'ABORTED' });
});
