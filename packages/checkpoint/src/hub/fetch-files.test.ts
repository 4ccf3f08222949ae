import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { fetchHubFiles } from './fetch-files.js';
import { commit, type FakeHub, repository, startHub } from './server.test.util.js';

const dataset = { type: 'dataset', id: repository, revision: 'main' } as const;
const all = () => true;
const rows = ({ path }: { path: string }) => path.endsWith('.jsonl');
const downloads = (hub: FakeHub) => hub.requests.filter((line) => line.includes('/resolve/'));

/** A Hub of a dataset with files in folders; two of them are alike. */
async function startDataset(): Promise<FakeHub> {
  const folder = await temporaryFolder();
  const files = { 'README.md': '# Facts', 'main/test.jsonl': '{}\n', 'main/train.jsonl': '{"a":1}\n' };
  for (const [path, text] of Object.entries({ ...files, 'other/test.jsonl': '{}\n' })) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return startHub(folder, 'dataset');
}

describe('fetchHubFiles', () => {
  it('brings the wanted files of a dataset, folders and all', async () => {
    const hub = await startDataset();
    const snapshot = await fetchHubFiles(dataset, rows);
    expect(snapshot).toEqual({
      directory: join(hub.cache, 'datasets--org--name', 'snapshots', commit),
      commit,
      files: ['main/test.jsonl', 'main/train.jsonl', 'other/test.jsonl'],
    });
    expect(await readFile(join(snapshot.directory, 'main/train.jsonl'), 'utf8')).toBe('{"a":1}\n');
    expect(await readdir(snapshot.directory)).not.toContain('README.md');
  });

  it('asks once for what several files hold', async () => {
    const hub = await startDataset();
    await fetchHubFiles(dataset, rows);
    expect(downloads(hub)).toHaveLength(2);
  });

  it('shows the size of a file before it is fetched, and afterwards', async () => {
    const hub = await startDataset();
    const large = ({ size }: { size: number }) => size === 8;
    expect((await fetchHubFiles(dataset, large)).files).toEqual(['main/train.jsonl']);
    expect(downloads(hub)).toHaveLength(1);
    await hub.stop();
    expect((await fetchHubFiles(dataset, large)).files).toEqual(['main/train.jsonl']);
  });

  it('fetches only what a new commit changed', async () => {
    const hub = await startDataset();
    const before = await fetchHubFiles(dataset, rows);
    hub.commit = 'decade'.padEnd(40, '0');
    hub.requests.length = 0;
    const after = await fetchHubFiles(dataset, all);
    expect(after.commit).toBe(hub.commit);
    expect(downloads(hub).map((line) => line.split('/').at(-1))).toEqual(['README.md']);
    await hub.stop();
    expect((await fetchHubFiles(dataset, rows)).commit).toBe(hub.commit);
    expect(await fetchHubFiles({ ...dataset, revision: commit }, rows)).toEqual(before);
  });

  it('knows without a network that there was nothing wanted', async () => {
    const hub = await startDataset();
    await fetchHubFiles(dataset, () => false);
    await hub.stop();
    expect(await fetchHubFiles(dataset, rows)).toMatchObject({ commit, files: [] });
  });

  it('shows no file until all have come', async () => {
    const hub = await startDataset();
    hub.refuse = ({ url }) => (url!.endsWith('train.jsonl') ? 403 : undefined);
    expect(await failure(fetchHubFiles(dataset, rows))).toMatchObject({
      code: 'HUB_FORBIDDEN',
      where: `${repository}/main/train.jsonl`,
    });
    await hub.stop();
    expect((await fetchHubFiles({ ...dataset, revision: commit }, rows)).files).toEqual([]);
  });

  it('stops when told to', async () => {
    const hub = await startDataset();
    const work = { signal: AbortSignal.abort() };
    expect((await failure(fetchHubFiles(dataset, all, work))).code).toBe('ABORTED');
    expect(hub.requests).toEqual([]);
  });
});

describe('a Hub that lies', () => {
  it.each(['../../../x', '/x', 'a/../../x', '', 'a//b'])('cannot place a file at "%s"', async (path) => {
    const hub = await startDataset();
    hub.phantoms.push({ type: 'file', path, size: 1, oid: commit });
    const error = await failure(fetchHubFiles(dataset, all));
    expect(error).toMatchObject({ code: 'HUB_UNREACHABLE', where: repository });
    expect(error.message).toContain(JSON.stringify(path));
    expect(downloads(hub)).toEqual([]);
  });

  it.each([undefined, '../../x'])('cannot give the id %s to a file', async (oid) => {
    const hub = await startDataset();
    hub.phantoms.push({ type: 'file', path: 'x', size: 1, oid });
    expect((await failure(fetchHubFiles(dataset, all))).code).toBe('HUB_UNREACHABLE');
    expect(downloads(hub)).toEqual([]);
  });

  it('cannot list files for ever, nor a page that does not end', async () => {
    const hub = await startDataset();
    hub.pages = Number.POSITIVE_INFINITY;
    expect(await failure(fetchHubFiles(dataset, all))).toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: expect.stringContaining('pages'),
    });
    hub.pages = 1;
    hub.padding = 17 * 1024 * 1024;
    expect(await failure(fetchHubFiles(dataset, all))).toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: expect.stringContaining('bytes'),
    });
    expect(downloads(hub)).toEqual([]);
  });

  it.each([{ path: 7 }, { size: -1 }, { size: 'much' }, { size: null }, { lfs: { oid: 7 } }])(
    'cannot list a file with %j',
    async (change) => {
      const hub = await startDataset();
      hub.phantoms.push({ type: 'file', path: 'x', size: 1, oid: commit, ...change });
      expect((await failure(fetchHubFiles(dataset, all))).code).toBe('HUB_UNREACHABLE');
      expect(downloads(hub)).toEqual([]);
    },
  );

  it('cannot name a commit that leads elsewhere', async () => {
    const hub = await startDataset();
    hub.commit = '../../x';
    const error = await failure(fetchHubFiles(dataset, all));
    expect(error).toMatchObject({ code: 'HUB_UNREACHABLE', message: expect.stringContaining('no commit') });
    expect(await readdir(join(hub.cache, '..'))).toEqual([]);
  });
});

it.each(['nonsense', 'ftp://localhost'])('refuses to ask %s', async (endpoint) => {
  vi.stubEnv('HF_ENDPOINT', endpoint);
  expect(await failure(fetchHubFiles(dataset, rows))).toMatchObject({
    code: 'HUB_UNREACHABLE',
    where: 'HF_ENDPOINT',
  });
});

it('says when the cache cannot be written', async () => {
  const hub = await startDataset();
  await writeFile(join(hub.cache, '..', 'file'), '');
  vi.stubEnv('HF_HUB_CACHE', join(hub.cache, '..', 'file'));
  expect((await failure(fetchHubFiles(dataset, all))).code).toBe('WRITE_FAILED');
});
