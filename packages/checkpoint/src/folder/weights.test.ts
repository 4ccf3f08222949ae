import { cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexFile, readSafetensors, singleFile } from '../safetensors/read.js';
import { copyOfFixture, edit, failure, fixture, temporaryFolder } from '../support.test.util.js';
import { openWeights } from './weights.js';

type Map = Record<string, unknown>;

const sharded = 'qwen3_moe_sharded';
const aTensor = 'model.norm.weight';

/** The code of the error that an index with one changed entry gives. */
async function codeWith(entry: unknown): Promise<string> {
  const folder = await copyOfFixture(sharded);
  await edit(folder, indexFile, (json) => {
    (json.weight_map as Record<string, unknown>)[aTensor] = entry;
  });
  return (await failure(openWeights(folder))).code;
}

describe('openWeights', () => {
  it('merges shards into one map', async () => {
    const { tensors } = await openWeights(fixture(sharded));
    const files = new Set([...tensors.values()].map(({ file }) => file));
    expect(files.size).toBe(4);
    expect(tensors.get(aTensor)?.shape).toEqual([64]);
  });

  it('hashes headers, not weights', async () => {
    const copy = await copyOfFixture('olmoe');
    const { headerHash } = await openWeights(fixture('olmoe'));
    expect((await openWeights(copy)).headerHash).toBe(headerHash);
    expect((await openWeights(fixture('qwen2_moe'))).headerHash).not.toBe(headerHash);
  });

  it.each([
    '../model-00001-of-00004.safetensors',
    '/etc/model.safetensors',
    'nested/../../model.safetensors',
    './model.safetensors',
    'nested//model.safetensors',
    '..\\model.safetensors',
    'C:model.safetensors',
    'model.bin',
    '..',
    '',
    7,
    null,
  ])('refuses an index that names %j', async (name) => {
    expect(await codeWith(name)).toBe('CHECKPOINT_INDEX_INVALID');
  });

  it.each([
    [
      'puts a tensor into the wrong shard',
      (map: Map) => {
        map[aTensor] = 'model-00001-of-00004.safetensors';
      },
    ],
    [
      'lists a tensor that is nowhere',
      (map: Map) => {
        map['model.layers.9.eh_proj.weight'] = 'model-00001-of-00004.safetensors';
      },
    ],
    [
      'leaves a tensor out',
      (map: Map) => {
        delete map[aTensor];
      },
    ],
  ])('goes by the headers where the index %s', async (_, change) => {
    const folder = await copyOfFixture(sharded);
    const { tensors } = await openWeights(folder);
    await edit(folder, indexFile, (json) => change(json.weight_map as Map));
    expect((await openWeights(folder)).tensors).toEqual(tensors);
  });

  it('takes the later shard of a tensor that two have', async () => {
    const folder = await copyOfFixture(sharded);
    const last = 'model-00004-of-00004.safetensors';
    await cp(join(folder, last), join(folder, 'model-00005-of-00004.safetensors'));
    await edit(folder, indexFile, (json) => {
      (json.weight_map as Map).extra = 'model-00005-of-00004.safetensors';
    });
    const { tensors } = await openWeights(folder);
    const names = (await readSafetensors(join(folder, last))).tensors.keys();
    for (const name of names) expect(tensors.get(name)?.file).toMatch(/model-00005-of-00004\.safetensors$/);
  });

  it('finds shards in a folder below', async () => {
    const folder = await copyOfFixture(sharded);
    const { tensors } = await openWeights(folder);
    await mkdir(join(folder, 'weights'));
    await edit(folder, indexFile, (json) => {
      const map = json.weight_map as Map;
      for (const [name, shard] of Object.entries(map)) map[name] = `weights/${shard}`;
    });
    for (const name of await readdir(folder)) {
      if (name.startsWith('model-')) await rename(join(folder, name), join(folder, 'weights', name));
    }
    expect([...(await openWeights(folder)).tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
  });

  it('names the shard that is not there', async () => {
    const folder = await copyOfFixture(sharded);
    await rm(join(folder, 'model-00002-of-00004.safetensors'));
    const { code, message } = await failure(openWeights(folder));
    expect(code).toBe('CHECKPOINT_INVALID');
    expect(message).toContain('model-00002-of-00004.safetensors');
  });

  it.each(['', '[]', '{"weight_map":[]}', '{}'])('refuses the index %j', async (text) => {
    const folder = await copyOfFixture(sharded);
    await writeFile(join(folder, indexFile), text);
    expect((await failure(openWeights(folder))).code).toBe('CHECKPOINT_INDEX_INVALID');
  });

  it('refuses more shards than any model has', async () => {
    const folder = await temporaryFolder();
    const names = Array.from({ length: 10_001 }, (_, i) => [`t${i}`, `${i}.safetensors`]);
    await writeFile(join(folder, indexFile), JSON.stringify({ weight_map: Object.fromEntries(names) }));
    expect((await failure(openWeights(folder))).code).toBe('CHECKPOINT_INDEX_INVALID');
  });

  it('refuses an index without files', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, indexFile), '{"weight_map": {}}');
    expect((await failure(openWeights(folder))).code).toBe('CHECKPOINT_INDEX_INVALID');
  });

  it.each([
    [[], 'hf download'],
    [['pytorch_model.bin'], 'save_pretrained'],
    [['model-00001-of-00002.safetensors', 'pytorch_model.bin'], indexFile],
    [['model.Q4_K_M.gguf'], 'the path of the file itself'],
  ])('says what to do if there are no weights but %j', async (names, hint) => {
    const folder = await temporaryFolder();
    for (const name of names) await writeFile(join(folder, name), '');
    expect(await failure(openWeights(folder))).toMatchObject({
      code: 'CHECKPOINT_NOT_FOUND',
      hint: expect.stringContaining(hint),
    });
  });

  it.each([
    [sharded, indexFile, 'CHECKPOINT_INDEX_INVALID'],
    ['olmoe', singleFile, 'CHECKPOINT_INVALID'],
  ])('knows a git-lfs pointer in %s: %s', async (name, file, code) => {
    const folder = await copyOfFixture(name);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 123\n`;
    await writeFile(join(folder, file), pointer);
    expect(await failure(openWeights(folder))).toMatchObject({
      code,
      message: expect.stringContaining('git-lfs pointer'),
      hint: expect.stringContaining('git lfs pull'),
    });
  });
});
