import { fileURLToPath } from 'node:url';
import { bytesOf, decodeFloat32, ggmlTypes, readSafetensors } from '@moepress/checkpoint';
import type { StoredTensor } from '@moepress/core';
import { expect, it } from 'vitest';
import { quantisers, type WrittenType } from './quantise.js';

/** Made by scripts/make_gguf_fixtures.py. */
const fixture = fileURLToPath(new URL('../../../fixtures/gguf/quantised.safetensors', import.meta.url));

async function bytes(tensor: StoredTensor): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of bytesOf(tensor)) blocks.push(block);
  return Buffer.concat(blocks);
}

it('writes the bytes of the Python package gguf and of ggml itself', async () => {
  const { tensors } = await readSafetensors(fixture);
  const values = (await decodeFloat32(tensors.get('values')!)) as Float32Array<ArrayBuffer>;
  const names = [...tensors.keys()].filter((name) => name !== 'values');
  expect(names.sort()).toEqual(
    Object.keys(quantisers)
      .filter((name) => name !== 'f32')
      .sort(),
  );
  for (const name of names) {
    const { block, bytes: size } = ggmlTypes[name as WrittenType];
    const target = new Uint8Array((values.length / block) * size);
    quantisers[name as WrittenType](values, target);
    expect(Buffer.compare(Buffer.from(target), await bytes(tensors.get(name)!)), name).toBe(0);
  }
});
