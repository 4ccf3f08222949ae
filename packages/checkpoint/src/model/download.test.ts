import { chmod, mkdir, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it, vi } from 'vitest';
import { commit, type FakeHub, repository, sha256, startHub } from '../hub/server.test.util.js';
import { copyOfFixture, failure, fixture } from '../support.test.util.js';
import { openModel } from './open.js';

const weights = 'model.safetensors';
const downloads = (hub: FakeHub) => hub.requests.filter((line) => line.includes('/resolve/'));
const stored = (hub: FakeHub, ...path: string[]) => join(hub.cache, 'models--org--name', ...path);

/** Calls `use` while nobody may write to a folder and what is in it; who may do everything is not kept from it. */
async function inReadOnly(folder: string, use: () => Promise<void>): Promise<void> {
  const folders = [folder];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) folders.push(join(entry.parentPath, entry.name));
  }
  for (const path of folders) await chmod(path, 0o555);
  try {
    await use();
  } finally {
    for (const path of folders) await chmod(path, 0o755);
  }
}

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
      hint: expect.stringContaining('Unset HF_HUB_OFFLINE'),
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

  it('sends the token of the old variable, without line breaks, unless tokens are not to be sent', async () => {
    const hub = await startHub(fixture('olmoe'));
    const seen = new Set<string | undefined>();
    hub.refuse = ({ headers }) => {
      seen.add(headers.authorization);
      return 401;
    };
    vi.stubEnv('HUGGING_FACE_HUB_TOKEN', ' hf_old\n');
    const wrong = await failure(openModel(repository));
    expect(wrong.message).toContain('does not accept the token of HUGGING_FACE_HUB_TOKEN');
    vi.stubEnv('HF_TOKEN', 'hf_new');
    expect((await failure(openModel(repository))).message).toContain('the token of HF_TOKEN');
    hub.refuse = ({ headers }) => {
      seen.add(headers.authorization);
      return 403;
    };
    expect((await failure(openModel(repository))).message).toContain('refuses access (403)');
    vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
    expect((await failure(openModel(repository))).message).toContain('the repository does not exist');
    expect([...seen]).toEqual(['Bearer hf_old', 'Bearer hf_new', undefined]);
  });

  it('does not tell a token that cannot be sent', async () => {
    await startHub(fixture('olmoe'));
    vi.stubEnv('HF_TOKEN', 'hf_\u{1f511}secret');
    const error = await failure(openModel(repository));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', where: 'HF_TOKEN' });
    expect(error.message + error.hint).not.toContain('secret');
  });

  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the shell.
  it.each(['~/hf', '$HUB_PLACE/hf', '${HUB_PLACE}/hf'])('finds the cache at HF_HOME=%s', async (home) => {
    const hub = await startHub(fixture('olmoe'));
    const place = join(hub.cache, '..', 'elsewhere');
    await mkdir(place);
    vi.stubEnv('HOME', place);
    vi.stubEnv('HUB_PLACE', place);
    vi.stubEnv('HF_HOME', home);
    await openModel(repository);
    expect(await readdir(join(place, 'hf', 'hub'))).toEqual(['models--org--name']);
  });

  it.each([
    ['TRANSFORMERS_OFFLINE', '1', undefined, true],
    ['TRANSFORMERS_OFFLINE', '1', '0', false],
    ['TRANSFORMERS_OFFLINE', '0', undefined, false],
  ])('asks nothing with %s=%s and HF_HUB_OFFLINE=%s: %s', async (name, value, other, isOffline) => {
    const hub = await startHub(fixture('olmoe'));
    await openModel(repository);
    hub.requests.length = 0;
    vi.stubEnv(name, value);
    vi.stubEnv('HF_HUB_OFFLINE', other);
    await openModel(repository);
    expect(hub.requests.length === 0).toBe(isOffline);
    if (!isOffline) return;
    const error = await failure(openModel('org/other'));
    expect(error.message + error.hint).toMatch(/TRANSFORMERS_OFFLINE is set.*Unset TRANSFORMERS_OFFLINE/);
  });

  it('opens from a cache that cannot be written, with a network and without', async () => {
    const hub = await startHub(fixture('olmoe'));
    const before = await openModel(repository);
    // Replaced, it would be another file: also where the user may do everything.
    const { ino } = await stat(stored(hub, 'refs', 'main'));
    await inReadOnly(hub.cache, async () => {
      hub.requests.length = 0;
      expect(await openModel(repository)).toEqual(before);
      expect(hub.requests).not.toEqual([]);
      await hub.stop();
      expect(await openModel(repository)).toEqual(before);
    });
    expect((await stat(stored(hub, 'refs', 'main'))).ino).toBe(ino);
  });

  it('goes on where only the name of a new commit cannot be written', async () => {
    const hub = await startHub(fixture('olmoe'));
    await openModel(repository);
    await writeFile(join(hub.cache, 'file'), '');
    // What stands in the way of refs is no folder, so that nobody can write there.
    await rm(stored(hub, 'refs'), { recursive: true });
    await writeFile(stored(hub, 'refs'), '');
    expect(await openModel(repository)).toMatchObject({ revision: commit });
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

  it('goes on where a server knows of no ranges and sends it all again', async () => {
    const hub = await startHub(fixture('olmoe'));
    hub.cuts.set(weights, [200_000]);
    hub.wholeFiles = true;
    await openModel(repository);
    const bytes = await readFile(join(fixture('olmoe'), weights));
    expect(await readFile(stored(hub, 'blobs', sha256(bytes)))).toEqual(bytes);
  });

  it.each([[[]], [[200_000]]])(
    'is not believed if it arrives damaged, in pieces or not (%j)',
    async (cuts) => {
      const hub = await startHub(fixture('olmoe'));
      hub.cuts.set(weights, [...cuts]);
      hub.damaged.add(weights);
      const error = await failure(openModel(repository));
      expect(error).toMatchObject({ code: 'HUB_UNREACHABLE', where: `${repository}/${weights}` });
      expect(error.message).toContain('damaged');
      hub.damaged.clear();
      await openModel(repository);
    },
  );

  it.each(['config.json', weights])(
    'is given up where other bytes come than the Hub lists (%s)',
    async (file) => {
      const hub = await startHub(fixture('olmoe'));
      hub.longer.add(file);
      const error = await failure(openModel(repository));
      expect(error).toMatchObject({ code: 'HUB_UNREACHABLE', where: `${repository}/${file}` });
      expect(downloads(hub).filter((line) => line.includes(file)).length).toBeLessThan(10);
      expect(await readdir(stored(hub, 'snapshots', commit)).catch(() => [])).not.toContain(file);
    },
  );
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
    hint: expect.stringMatching(/folder, .*Hub model: /),
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
    for (const revision of [
      'x\n/../../evil',
      'a\n/..',
      'x'.repeat(2000),
      '../../../x',
      '/etc/x',
      'a/../../b',
      '..',
      'a//b',
      'C:x',
      '',
    ]) {
      expect((await failure(openModel(repository, { revision }))).code).toBe('HUB_NOT_FOUND');
    }
    expect(hub.requests).toEqual([]);
    expect(await readdir(join(hub.cache, '..'))).toEqual([]);
  });
});
