import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWeights } from '../folder/weights.js';
import { fixture, temporaryFolder } from '../support.test.util.js';
import { decodeFloat32 } from '../tensor/read-tensor.js';
import { exprEntry } from './file-layout.js';
import { indexFile } from './read.js';
import { planShards, writeShards } from './shards.js';

async function entries() {
  const { tensors } = await openWeights(fixture('olmoe'));
  return [...tensors.values()].map((stored) => exprEntry(stored.name, stored));
}

describe('sharded weights', () => {
  it('open as the same tensors', async () => {
    const folder = await temporaryFolder();
    const plan = planShards(await entries(), { maxShardBytes: 200_000 });
    const files = await writeShards(folder, plan);
    expect(files).toEqual([
      'model-00001-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00003-of-00003.safetensors',
      indexFile,
    ]);
    expect((await readdir(folder)).sort()).toEqual([...files].sort());
    const [original, copy] = [await openWeights(fixture('olmoe')), await openWeights(folder)];
    expect([...copy.tensors.keys()].sort()).toEqual([...original.tensors.keys()].sort());
    for (const [name, { dtype, shape }] of original.tensors) {
      expect(copy.tensors.get(name)).toMatchObject({ dtype, shape });
    }
    const name = 'model.layers.1.mlp.experts.5.up_proj.weight';
    const [a, b] = [original, copy].map(({ tensors }) => decodeFloat32(tensors.get(name)!));
    expect(await a).toEqual(await b);
  });

  it('know their size before they are written', async () => {
    for (const max of [200_000, undefined]) {
      const folder = await temporaryFolder();
      const plan = planShards(await entries(), { maxShardBytes: max });
      const files = await writeShards(folder, plan);
      const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).size));
      expect(sizes.reduce((a, b) => a + b)).toBe(plan.totalBytes);
    }
  });

  it('list in their index the bytes of all tensors', async () => {
    const plan = planShards(await entries(), { maxShardBytes: 200_000 });
    const original = JSON.parse(await readFile(join(fixture('qwen3_moe_sharded'), indexFile), 'utf8'));
    const index = JSON.parse(plan.index!);
    expect(Object.keys(index)).toEqual(Object.keys(original));
    expect(index.metadata).toEqual({ total_size: 595_072 });
  });

  it('put a tensor larger than a shard into one of its own', async () => {
    const plan = planShards(await entries(), { maxShardBytes: 1 });
    expect(plan.shards.every(({ layout }) => layout.entries.length === 1)).toBe(true);
  });
});
