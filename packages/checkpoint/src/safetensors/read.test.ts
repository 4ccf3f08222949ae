import { symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyOfFixture, failure, fixture, rawFile, temporaryFolder } from '../support.test.util.js';
import { readSafetensors } from './read.js';

describe('readSafetensors', () => {
  it('gives each tensor its place in the file', async () => {
    const { tensors, metadata, dataStart } = await readSafetensors(fixture('olmoe/model.safetensors'));
    expect(metadata).toEqual({ format: 'pt' });
    const embed = tensors.get('model.embed_tokens.weight')!;
    expect(embed).toMatchObject({ kind: 'stored', dtype: 'BF16', shape: [512, 64], length: 65_536 });
    expect(Math.min(...[...tensors.values()].map(({ offset }) => offset))).toBe(dataStart);
  });

  it('resolves links, as a Hub cache has them', async () => {
    const folder = await temporaryFolder();
    const target = fixture('olmoe/model.safetensors');
    await symlink(target, join(folder, 'model.safetensors'));
    const { path, tensors } = await readSafetensors(join(folder, 'model.safetensors'));
    expect(path).toBe(target);
    expect(tensors.get('lm_head.weight')?.file).toBe(target);
  });

  it('refuses a file that was cut off', async () => {
    const folder = await copyOfFixture('olmoe');
    const path = join(folder, 'model.safetensors');
    for (const size of [600_000, 5000, 7, 0]) {
      await truncate(path, size);
      const { code, where, hint } = await failure(readSafetensors(path));
      expect(code).toBe('CHECKPOINT_INVALID');
      expect(where).toContain(path);
      expect(hint).toContain('download');
    }
  });

  it('refuses a header longer than the file before making room for it', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const bytes = rawFile({}, 0);
    bytes.writeBigUInt64LE(99_999_999n);
    await writeFile(path, bytes);
    expect(await failure(readSafetensors(path))).toMatchObject({ code: 'CHECKPOINT_INVALID', where: path });
  });

  it('says so if there is no such file', async () => {
    expect(await failure(readSafetensors('/no/such.safetensors'))).toMatchObject({
      code: 'CHECKPOINT_NOT_FOUND',
      where: '/no/such.safetensors',
    });
  });
});
