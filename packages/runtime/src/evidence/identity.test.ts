import { copyFile, cp, open, readdir, rename, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FileDigests, openModel } from '@moepress/checkpoint';
import { createRng, type Model, type Rng } from '@moepress/core';
import { expect, it } from 'vitest';
import { fixtures } from '../testing/golden.js';
import { inTemporaryFolder } from '../testing/temporary.js';
import { knownWeightsDigest, modelIdentity, weightsDigest } from './identity.js';

/** More of them take a second each hundred; the number can be given. */
const edits = Number(process.env.MOEPRESS_EDITS || 40);

const load = async (place: number) => openModel((await fixtures[place]!.load()).model);

/** A copy of a checkpoint to be edited, and digests that are kept beside it. */
async function copyOf(model: Model, folder: string) {
  const directory = join(folder, 'model');
  await cp(model.source.directory, directory, { recursive: true });
  return { directory, digests: new FileDigests(join(folder, 'digests')) };
}

it('is the same wherever the files lie', () =>
  inTemporaryFolder(async (folder) => {
    const model = await load(2);
    const { directory, digests } = await copyOf(model, folder);
    const copy = await openModel(directory);
    expect((await modelIdentity(copy, { digests })).hash).toBe((await modelIdentity(model)).hash);
    expect((await weightsDigest(copy, { digests })).hash).toBe((await weightsDigest(model)).hash);
    expect((await modelIdentity(copy, { digests, precision: 'float16' })).hash).not.toBe(
      (await modelIdentity(copy, { digests })).hash,
    );
  }));

it('is known of a model whose files were read before', () =>
  inTemporaryFolder(async (folder) => {
    const { directory, digests } = await copyOf(await load(2), folder);
    const copy = await openModel(directory);
    expect(await knownWeightsDigest(copy, { digests })).toBeNull();
    const { hash } = await weightsDigest(copy, { digests });
    expect(await knownWeightsDigest(copy, { digests })).toBe(hash);
  }));

type Edit = (file: string, rng: Rng) => Promise<unknown>;

/** Gives one random byte of the weights another value, in the file as it is. */
const inPlace: Edit = async (file, rng) => {
  const handle = await open(file, 'r+');
  try {
    const header = Buffer.alloc(8);
    await handle.read(header, 0, 8, 0);
    const start = 8 + Number(header.readBigUInt64LE());
    const { size } = await handle.stat();
    const at = start + Math.floor(rng.next() * (size - start));
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    byte[0]! ^= 1 + Math.floor(rng.next() * 255);
    await handle.write(byte, 0, 1, at);
  } finally {
    await handle.close();
  }
};

/** Puts an edited copy in the place of the file. */
const byCopying: Edit = async (file, rng) => {
  await copyFile(file, `${file}.copy`);
  await inPlace(`${file}.copy`, rng);
  await rename(`${file}.copy`, file);
};

const keepingTimes =
  (edit: Edit): Edit =>
  async (file, rng) => {
    const { atime, mtime } = await stat(file);
    await edit(file, rng);
    await utimes(file, atime, mtime);
  };

it.each<[string, Edit]>([
  ['in place', inPlace],
  ['by copying', byCopying],
  ['in place, the time set back', keepingTimes(inPlace)],
  ['by copying, the time set back', keepingTimes(byCopying)],
])('is another after each random edit of one byte %s', (name, edit) =>
  inTemporaryFolder(async (folder) => {
    const { directory, digests } = await copyOf(await load(2), folder);
    const files = (await readdir(directory)).filter((file) => file.endsWith('.safetensors'));
    const rng = createRng(17 + name.length);
    const seen = new Set([(await modelIdentity(await openModel(directory), { digests })).hash]);
    for (let i = 0; i < edits / 4; i++) {
      const before = await modelIdentity(await openModel(directory), { digests });
      await edit(join(directory, files[Math.floor(rng.next() * files.length)]!), rng);
      await expect(before.checkUnchanged()).rejects.toMatchObject({ code: 'CHECKPOINT_CHANGED' });
      // As the next process would: all it knows is on the disk.
      const next = new FileDigests(join(folder, 'digests'));
      for (const known of [digests, next]) {
        const { hash } = await modelIdentity(await openModel(directory), { digests: known });
        expect(hash).not.toBe(before.hash);
        seen.add(hash);
      }
    }
    expect(seen.size).toBe(1 + Math.ceil(edits / 4));
  }),
);

it('is another for other bytes that no tensor of the view reads', () =>
  inTemporaryFolder(async (folder) => {
    const { directory, digests } = await copyOf(await load(0), folder);
    const model = await openModel(directory);
    const view: Model = { ...model, blocks: model.blocks.slice(0, 1) };
    const before = await modelIdentity(view, { digests });
    const [weights] = (await readdir(directory)).filter((file) => file.endsWith('.safetensors'));
    await inPlace(join(directory, basename(weights!)), createRng(1));
    expect((await modelIdentity(view, { digests })).hash).not.toBe(before.hash);
  }));
