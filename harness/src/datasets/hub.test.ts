import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Rows } from './dataset.js';
import { hubSource } from './hub.js';
import { maxBytes } from './limits.js';

const dataset = { path: 'someone/facts', config: 'main', files: null };

function parquet(...texts: string[]): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'text', data: texts, type: 'STRING' }] }));
}

/** Files of each revision of the one repository on the test's Hub. */
type Revisions = Record<string, Record<string, Buffer>>;

let home: string;
let server: Server;
let requests: string[];

/** A commit as good as any, the same for the same text. */
const sha1 = (content: string | Buffer) => createHash('sha1').update(content).digest('hex');
const commit = sha1('main');
/** A file's name in git. */
const gitId = (bytes: Buffer) => sha1(Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]));

/** `instead` may answer a request by a status and a body. */
async function startHub(
  revisions: Revisions,
  instead: (url: string) => [status: number, body: string] | undefined = () => undefined,
): Promise<void> {
  requests = [];
  const files = Object.assign({}, ...Object.values(revisions));
  server = createServer(({ url = '', headers }, response) => {
    requests.push(`${url} ${headers.authorization ?? 'anonymous'}`);
    const [status, body] = instead(url) ?? [];
    if (status !== undefined) return response.writeHead(status).end(body);
    const { pathname } = new URL(url, 'http://hub');
    const [, revision] = /^\/api\/datasets\/someone\/facts\/revision\/(.+)$/.exec(pathname) ?? [];
    const [, listed] = /^\/api\/datasets\/someone\/facts\/tree\/(.+)$/.exec(pathname) ?? [];
    const [, file = ''] = /^\/datasets\/someone\/facts\/resolve\/[0-9a-f]+\/(.+)$/.exec(pathname) ?? [];
    const known = Object.keys(revisions).find((name) =>
      [sha1(name), name].includes(decodeURIComponent(listed ?? revision ?? '')),
    );
    if (files[file]) return sendRange(files[file], headers.range, response);
    if (known === undefined) return response.writeHead(404).end();
    if (revision) return response.end(JSON.stringify({ sha: sha1(known) }));
    return response.end(JSON.stringify(Object.entries(revisions[known]!).map(entryOf)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('HF_ENDPOINT', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function entryOf([path, bytes]: [string, Buffer]): object {
  return { type: 'file', path, size: bytes.length, oid: gitId(bytes) };
}

function sendRange(body: Buffer, range: string | undefined, response: ServerResponse): unknown {
  const [, start, end] = /bytes=(\d+)-(\d+)/.exec(range ?? '') ?? [];
  response.setHeader('etag', `"${gitId(body)}"`);
  if (start) response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${body.length}` });
  return response.end(start ? body.subarray(Number(start), Number(end) + 1) : body);
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
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE']) vi.stubEnv(name, undefined);
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
  await stopHub();
  expect(await hubSource.load(dataset, 'test')).toMatchObject({ rows: [{ text: 'x' }] });
});

it('takes the only configuration there is where none is named', async () => {
  const plain = { 'plain_text/test-00000-of-00001.parquet': parquet('x') };
  await startHub({ main: plain });
  expect(await hubSource.load(unnamed, 'test')).toMatchObject({ rows: [{ text: 'x' }] });
  await stopHub();
  await startHub({ main: { ...plain, 'data/test-00000-of-00001.parquet': parquet('y') } });
  expect(await hubSource.load(unnamed, 'test')).toMatchObject({ rows: [{ text: 'y' }] });
});

it('refuses to guess between configurations', async () => {
  const files = { 'a/test/0000.parquet': parquet('x'), 'b/test/0000.parquet': parquet('y') };
  await startHub({ main: {}, 'refs/convert/parquet': files });
  await expect(hubSource.load({ ...dataset, config: 'default' }, 'test')).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringContaining('several configurations'),
  });
  expect(requests.some((request) => request.includes('/resolve/'))).toBe(false);
});

const unnamed = { ...dataset, config: 'default' };
const lines = (...texts: string[]) =>
  Buffer.from(texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));

describe('the layouts that the datasets library finds by itself', () => {
  it.each<[string, Record<string, Buffer>, string[]]>([
    ['of large sets', { 'default/partial-train/0000.parquet': parquet('a') }, ['a']],
    ['with hashes', { 'data/train-00000-of-00001-a09b74b3ef9c3b56.parquet': parquet('a') }, ['a']],
    ['at the root', { 'train.parquet': parquet('a'), 'test.parquet': parquet('no') }, ['a']],
    ['JSON lines', { 'train.jsonl': lines('a', 'b'), LICENSE: Buffer.from('') }, ['a', 'b']],
    ['packed', { 'train.jsonl.gz': gzipSync(lines('a')) }, ['a']],
    ['in folders', { 'all/train/b.jsonl': lines('b'), 'all/train/a.jsonl': lines('a') }, ['a', 'b']],
    ['by other words', { 'my-training_1.json': lines('a'), 'my-dev.json': lines('no') }, ['a']],
    ['tables', { 'train.csv': Buffer.from('n,text\n1,a\n') }, ['a']],
    ['texts, a line a row', { 'train.txt': Buffer.from('a\r\n\r\nb\r\n') }, ['a', '', 'b']],
    ['all of one split', { 'facts.jsonl': lines('a'), 'more/facts.jsonl': lines('b') }, ['a', 'b']],
    [
      'most of one kind',
      { 'train/1.jsonl': lines('a'), 'train/2.jsonl': lines('b'), 'train/x.csv': Buffer.from('') },
      ['a', 'b'],
    ],
    [
      'by the card',
      {
        'README.md': Buffer.from(
          '---\r\nconfigs:\r\n- config_name: x\r\n  data_files: raw/*.jsonl\r\n---\r\n# Facts',
        ),
        'raw/1.jsonl': lines('a'),
        'train.jsonl': lines('no'),
      },
      ['a'],
    ],
  ])('%s', async (_, files, texts) => {
    await startHub({ main: files });
    const found = await hubSource.load(unnamed, 'train');
    expect(found).toMatchObject({ rows: texts.map((text) => ({ text })) });
    await stopHub();
    expect(await hubSource.load(unnamed, 'train')).toEqual(found);
  });

  const card = `---
license: mit
configs:
- config_name: small
  default: true
  data_files:
  - split: train
    path: [b.jsonl, "a*.jsonl"]
  - split: "2024"
    path: later/**
- config_name: large
  data_dir: big
- config_name: table
  data_files: t.csv
  sep: ";"
---
`;
  const described = {
    'README.md': Buffer.from(card),
    'a1.jsonl': lines('a1'),
    'a2.jsonl': lines('a2'),
    'b.jsonl': lines('b'),
    'later/on/x.jsonl': lines('x'),
    'big/train-0.jsonl': lines('big'),
    't.csv': Buffer.from('text;n\nt;1\n'),
  };

  it.each([
    ['default', 'train', ['b', 'a1', 'a2']],
    ['small', '2024', ['x']],
    ['large', 'train', ['big']],
    ['table', 'train', ['t']],
  ])('by the card: %s, %s', async (config, split, texts) => {
    await startHub({ main: described });
    const { rows } = (await hubSource.load({ ...dataset, config }, split)) as Rows;
    expect(rows.map(({ text }) => text)).toEqual(texts);
  });

  it.each([
    ['a split that the card does not have', 'small', 'test', 'no split test of small, but train, 2024'],
    ['a configuration that nobody knows', 'huge', 'train', 'no files of huge that are data'],
  ])('say %s', async (_, config, split, message) => {
    await startHub({ main: described });
    const found = await hubSource.load({ ...dataset, config }, split);
    expect(found).toEqual({ missing: expect.stringContaining(message) });
  });

  it('say which configurations there are where none is usual', async () => {
    const two = card.replace('  default: true\n', '');
    await startHub({ main: { ...described, 'README.md': Buffer.from(two) } });
    await expect(hubSource.load(unnamed, 'train')).rejects.toMatchObject({
      message: expect.stringContaining('small and large'),
    });
  });

  it('say what is there and not read', async () => {
    await startHub({ main: { 'train.arrow': Buffer.from('x') } });
    expect(await hubSource.load(unnamed, 'train')).toEqual({
      missing: 'the Hub has it as .arrow, which is not read',
    });
  });

  it('do without a card that cannot be had or makes no sense', async () => {
    await startHub({ main: described }, (url) => (url.endsWith('README.md') ? [403, ''] : undefined));
    expect(await hubSource.load({ ...dataset, config: 'big' }, 'train')).toMatchObject({
      rows: [{ text: 'big' }],
    });
    await stopHub();
    const broken = { ...described, 'README.md': Buffer.from('---\nconfigs: [\n---') };
    await startHub({ main: broken });
    expect(await hubSource.load({ ...dataset, config: 'big' }, 'train')).toMatchObject({
      rows: [{ text: 'big' }],
    });
  });

  it.each([
    ['configs: [&a [*a]]', 'make no sense'],
    ['configs:\n- config_name: x\n  data_files: {train: a1.jsonl}', 'make no sense'],
    ['configs:\n- config_name: x\n  data_files: t.csv\n  names: [text]', 'sets "names"'],
    ['configs:\n- config_name: x\n  data_files: t.csv\n  header: 0', 'sets "header"'],
  ])('refuse what the card says otherwise: %s', async (configs, message) => {
    await startHub({ main: { ...described, 'README.md': Buffer.from(`---\n${configs}\n---`) } });
    expect(await hubSource.load(unnamed, 'train')).toEqual({ missing: expect.stringContaining(message) });
  });

  it('look for the files of a folder inside it, and take the delimiter before the separator', async () => {
    const configs = `
- config_name: x
  data_dir: in
  data_files: "*.csv"
  sep: ","
  delimiter: ";"
  encoding: utf-8
  keep_linebreaks: null`;
    const files = { 'in/a.csv': Buffer.from('text;n\na;1\n'), 'b.csv': Buffer.from('text;n\nno;1\n') };
    await startHub({ main: { ...files, 'README.md': Buffer.from(`---\nconfigs:${configs}\n---`) } });
    expect(await hubSource.load(unnamed, 'train')).toMatchObject({ rows: [{ text: 'a', n: 1 }] });
  });
});

it('reads the column alone that is asked for', async () => {
  const columnData = [
    { name: 'text', data: ['a'], type: 'STRING' as const },
    { name: 'id', data: [9007199254740993n], type: 'INT64' as const },
  ];
  await startHub({ main: { 'train.parquet': Buffer.from(parquetWriteBuffer({ columnData })) } });
  expect(await hubSource.load(unnamed, 'train', { columns: ['text'] })).toMatchObject({
    rows: [{ text: 'a' }],
  });
});

it("takes the Hub's conversion of large files in another form", async () => {
  const entry = { type: 'file', path: 'train.jsonl', size: maxBytes + 1, oid: sha1('') };
  const isMain = (url: string) => url.includes(`/tree/${commit}`);
  await startHub(
    { main: {}, 'refs/convert/parquet': { 'default/train/0000.parquet': parquet('x') } },
    (url) => (isMain(url) ? [200, JSON.stringify([entry])] : undefined),
  );
  expect(await hubSource.load(unnamed, 'train')).toMatchObject({ rows: [{ text: 'x' }] });
});

it('reads the file that a dataset names', async () => {
  const packed = gzipSync('{"text":"x"}\n{"text":"y"}\n');
  await startHub({ main: { 'en/part-0-of-2.json.gz': packed, 'en/part-1-of-2.json.gz': gzipSync('no') } });
  const named = { ...dataset, hubFiles: { test: 'en/part-0-of-2.json.gz' } };
  expect(await hubSource.load(named, 'test')).toMatchObject({ rows: [{ text: 'x' }, { text: 'y' }] });
  expect(await hubSource.load(named, 'train')).toHaveProperty('missing');
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
    missing: 'the Hub has no split validation of main, but test',
  });
  expect(await hubSource.load({ ...dataset, path: 'someone/fakts' }, 'test')).toEqual({
    missing: 'the Hub has no dataset of this name',
  });
});

it('leaves it to other sources when the Hub cannot be reached', async () => {
  await startHub(sharded);
  await stopHub();
  expect(await hubSource.load(dataset, 'test')).toEqual({
    missing: expect.stringMatching(/^the connection to the Hub failed: .*ECONNREFUSED.*[^.]$/),
  });
  await startHub(sharded, () => [500, '']);
  expect(await hubSource.load(dataset, 'test')).toEqual({ missing: 'the Hub answered 500' });
});

it('says that a dataset is gated, or one of its files', async () => {
  await startHub(sharded, () => [401, '']);
  await expect(hubSource.load(dataset, 'test')).rejects.toMatchObject({ code: 'HUB_FORBIDDEN' });
  await stopHub();
  await startHub(sharded, (url) => (url.includes('/resolve/') ? [403, ''] : undefined));
  await expect(hubSource.load(dataset, 'test')).rejects.toMatchObject({
    code: 'HUB_FORBIDDEN',
    where: 'someone/facts/main/test-00001-of-00002.parquet',
  });
});

it('downloads no file that is too large to read', async () => {
  const entry = { type: 'file', path: 'main/test.parquet', size: maxBytes + 1, oid: sha1('') };
  await startHub(sharded, (url) => (url.includes('/tree/') ? [200, JSON.stringify([entry])] : undefined));
  await expect(hubSource.load(dataset, 'test')).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    where: 'someone/facts/main/test.parquet',
  });
  expect(requests.some((request) => request.includes('/resolve/'))).toBe(false);
});

it('stops when told to', async () => {
  await startHub(sharded);
  const work = { signal: AbortSignal.abort() };
  await expect(hubSource.load(dataset, 'test', work)).rejects.toMatchObject({ code: 'ABORTED' });
});
