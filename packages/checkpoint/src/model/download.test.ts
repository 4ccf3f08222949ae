import { mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it, vi } from 'vitest';
import { commit, type FakeHub, repository, sha256, startHub } from '../hub/server.test.util.js';
import { copyOfFixture, failure, fixture } from '../support.test.util.js';
import { openModel } from './open.js';

const weights = 'model.safetensors';
const downloads = (hub: FakeHub) =>
  hub.requests.filter((line) => line.includes('/resolve/') && !line.endsWith(' bytes=0-0'));
const stored = (hub: FakeHub, ...path: string[]) => join(hub.cache, 'models--org--name', ...path);

describe('a Hub id', () => {
  it('is downloaded into the cache that Python shares', async () => {
    const hub = await startHub(fixture('olmoe'));
    const model = await openModel(repository);
    expect(model).toMatchObject({ id: repository, revision: commit, architecture: 'olmoe' });
    expect(await readFile(stored(hub, 'refs', 'main'), 'utf8')).toBe(commit);
    const bytes = await readFile(join(fixture('olmoe'), weights));
    expect(await readlink(stored(hub, 'snapshots', commit, weights))).toBe(`../../blobs/${sha256(bytes)}`);
    expect(await readFile(stored(hub, 'blobs', sha256(bytes)))).toEqual(bytes);
    const { headerHash } = await openModel(fixture('olmoe'));
    expect(model.headerHash).toBe(headerHash);
  });

  it('brings shards and the small files, and nothing else', async () => {
    const folder = await copyOfFixture('qwen3_moe_sharded');
    for (const name of ['tokenizer.json', 'README.md', 'pytorch_model.bin', 'consolidated.safetensors']) {
      await writeFile(join(folder, name), '{}');
    }
    const hub = await startHub(folder);
    await openModel(repository);
    const found = await readdir(stored(hub, 'snapshots', commit));
    const wanted = (await readdir(folder)).filter((name) => !/^(pytorch|consolidated)/.test(name));
    expect(found.sort()).toEqual(wanted.sort());
  });

  it('downloads nothing twice, and nothing at all without a network', async () => {
    const hub = await startHub(fixture('olmoe'));
    await openModel(repository);
    hub.requests.length = 0;
    const again = await openModel(repository);
    expect(hub.requests.map((line) => line.split('/').at(-2))).toEqual(['revision', 'tree', 'tree']);
    await hub.stop();
    expect(await openModel(repository)).toEqual(again);
    expect(await openModel(repository, { revision: commit })).toEqual(again);
  });

  it('asks nothing when HF_HUB_OFFLINE is set', async () => {
    const hub = await startHub(fixture('olmoe'));
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await failure(openModel(repository))).toMatchObject({
      code: 'HUB_UNREACHABLE',
      mend: expect.stringContaining('Unset HF_HUB_OFFLINE'),
    });
    expect(hub.requests).toEqual([]);
    vi.stubEnv('HF_HUB_OFFLINE', '0');
    await openModel(repository);
    vi.stubEnv('HF_HUB_OFFLINE', 'true');
    hub.requests.length = 0;
    await openModel(repository);
    expect(hub.requests).toEqual([]);
  });

  it('sends the token of HF_TOKEN or of the token file', async () => {
    const hub = await startHub(fixture('olmoe'));
    const seen = new Set<string | undefined>();
    hub.refuse = ({ headers }) => {
      seen.add(headers.authorization);
      return headers.authorization === 'Bearer hf_file' ? undefined : 401;
    };
    expect(await failure(openModel(repository))).toMatchObject({ code: 'HUB_FORBIDDEN', where: repository });
    vi.stubEnv('HF_TOKEN', 'other-form');
    expect((await failure(openModel(repository))).code).toBe('HUB_FORBIDDEN');
    vi.stubEnv('HF_TOKEN', undefined);
    await mkdir(join(hub.cache, '..'), { recursive: true });
    await writeFile(join(hub.cache, '..', 'token'), 'hf_file\n');
    await openModel(repository);
    expect([...seen]).toEqual([undefined, 'Bearer other-form', 'Bearer hf_file']);
  });

  it('reports bytes', async () => {
    await startHub(fixture('olmoe'));
    const events: ProgressEvent[] = [];
    await openModel(repository, { progress: (event) => events.push(event) });
    const last = events.findLast((event) => event.type === 'advance');
    const totals = events.flatMap((event) => (event.type === 'start' ? [event.total] : []));
    const { size } = await stat(join(fixture('olmoe'), weights));
    expect(totals).toEqual([608_829 - size, size]);
    expect(last).toMatchObject({ task: 'Downloading', done: size, note: weights });
  });
});

it('finds out that it cannot read a model before the weights have come', async () => {
  const folder = await copyOfFixture('olmoe');
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: 'mamba' }));
  const hub = await startHub(folder);
  expect((await failure(openModel(repository))).code).toBe('ARCHITECTURE_UNKNOWN');
  expect(downloads(hub).some((line) => line.includes(weights))).toBe(false);
});

describe('an interrupted download', () => {
  it('goes on by itself where the connection broke', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set(weights, [200_000, 100_000]);
    await openModel(repository);
    const ranges = downloads(hub).filter((line) => line.includes(weights));
    expect(ranges).toHaveLength(3);
    expect(ranges[0]).not.toContain('bytes=');
    const starts = ranges.slice(1).map((line) => Number(line.match(/bytes=(\d+)-/)![1]));
    expect(starts[0]).toBeGreaterThan(0);
    expect(starts[1]).toBeGreaterThan(starts[0]!);
  });

  it('goes on in the next run after Ctrl-C', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set(weights, [250_000]);
    const stop = new AbortController();
    const progress = (event: ProgressEvent) =>
      event.type === 'advance' && event.note === weights && event.done > 100_000 && stop.abort();
    const error = await failure(openModel(repository, { progress, signal: stop.signal }));
    expect(error.code).toBe('ABORTED');
    expect(await readdir(stored(hub, 'snapshots', commit))).not.toContain(weights);
    hub.requests.length = 0;
    await openModel(repository);
    expect(downloads(hub)).toHaveLength(1);
    expect(downloads(hub)[0]).toMatch(/model\.safetensors bytes=[1-9]\d+-/);
    expect((await readdir(stored(hub, 'blobs'))).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
  });

  it('begins small files anew', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set('config.json', [100]);
    expect((await openModel(repository)).architecture).toBe('olmoe');
    expect(downloads(hub).filter((line) => line.endsWith('/config.json'))).toHaveLength(2);
  });

  it('is given up after some attempts that bring nothing', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set(weights, [0, 0, 0, 0]);
    const error = await failure(openModel(repository));
    expect(error.code).toBe('HUB_UNREACHABLE');
    expect(downloads(hub).filter((line) => line.includes(weights))).toHaveLength(4);
  });

  it('is not believed if the pieces do not fit together', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set(weights, [200_000]);
    hub.wholeFiles = true;
    const error = await failure(openModel(repository));
    expect(error).toMatchObject({ code: 'HUB_UNREACHABLE', where: `${repository}/${weights}` });
    expect(error.message).toContain('damaged');
    hub.wholeFiles = false;
    await openModel(repository);
  });
});

describe('a Hub that refuses', () => {
  /** The error of a Hub that answers with a status, to all requests or some. */
  const refused = async (status: number, only = '') => {
    const hub = await startHub(fixture('olmoe'));
    hub.refuse = ({ url }) => (url!.includes(only) ? status : undefined);
    return failure(openModel(repository));
  };
  const both = {
    where: repository,
    message: expect.stringContaining(`no folder ${resolve(repository)}, and as a Hub id`),
    mend: expect.stringMatching(/folder, .*Hub model: /),
  };

  it('has no such model, so that a folder may have been meant', async () => {
    expect(await refused(404)).toMatchObject({ ...both, code: 'HUB_NOT_FOUND' });
  });

  it('does not tell strangers whether it has', async () => {
    expect(await refused(401)).toMatchObject({ ...both, code: 'HUB_FORBIDDEN' });
  });

  it('guards the files of a model it has', async () => {
    const error = await refused(403, '/resolve/');
    expect(error).toMatchObject({ code: 'HUB_FORBIDDEN', where: `${repository}/config.json` });
    expect(error.message).not.toContain('folder');
  });

  it('is ill', async () => {
    expect(await refused(503)).toMatchObject({ ...both, code: 'HUB_UNREACHABLE' });
  });

  it('is not there', async () => {
    const hub = await startHub(fixture('olmoe'));
    await hub.stop();
    const error = await failure(openModel(repository));
    expect(error).toMatchObject({ ...both, code: 'HUB_UNREACHABLE' });
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('never leads out of the cache', async () => {
    const hub = await startHub(fixture('olmoe'));
    for (const revision of ['../../../x', '/etc/x', 'a/../../b', '..', 'a//b', 'C:x', '']) {
      expect((await failure(openModel(repository, { revision }))).code).toBe('HUB_NOT_FOUND');
    }
    expect(hub.requests).toEqual([]);
    expect(await readdir(join(hub.cache, '..'))).toEqual([]);
  });
});
