import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyOfFixture, edit, failure, fixture, temporaryFolder } from '../support.test.util.js';
import { indexFile, openWeights } from './weights.js';

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
    'nested/model.safetensors',
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

  it('refuses an index that puts a tensor into the wrong shard', async () => {
    expect(await codeWith('model-00004-of-00004.safetensors')).toBe('CHECKPOINT_INDEX_INVALID');
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

  it('says so if there are no weights', async () => {
    expect((await failure(openWeights(await temporaryFolder()))).code).toBe('CHECKPOINT_NOT_FOUND');
  });
});
