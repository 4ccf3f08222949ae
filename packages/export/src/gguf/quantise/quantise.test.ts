import { fileURLToPath } from 'node:url';
import { bytesOf, decodeFloat32, dequantiseBlocks, ggmlTypes, readSafetensors } from '@moepress/checkpoint';
import type { StoredTensor } from '@moepress/core';
import { expect, it } from 'vitest';
import { quantisers, type WrittenType } from './quantise.js';

/** Made by scripts/make_gguf_fixtures.py. */
const fixture = fileURLToPath(new URL('../../../fixtures/gguf/quantised.safetensors', import.meta.url));

const weightedSuffix = '.weighted';
const isWeighted = (name: string) => name === 'importance' || name.endsWith(weightedSuffix);

async function bytes(tensor: StoredTensor): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of bytesOf(tensor)) blocks.push(block);
  return Buffer.concat(blocks);
}

it('writes the bytes of the Python package gguf and of ggml itself', async () => {
  const { tensors } = await readSafetensors(fixture);
  const values = (await decodeFloat32(tensors.get('values')!)) as Float32Array<ArrayBuffer>;
  const names = [...tensors.keys()].filter((name) => name !== 'values' && !isWeighted(name));
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

it('writes the bytes of ggml where the importance of columns is known', async () => {
  const { tensors } = await readSafetensors(fixture);
  const values = (await decodeFloat32(tensors.get('values')!)) as Float32Array<ArrayBuffer>;
  const importance = await decodeFloat32(tensors.get('importance')!);
  const names = [...tensors.keys()].filter((name) => name.endsWith(weightedSuffix));
  expect(names).toHaveLength(5);
  for (const name of names) {
    const expected = await bytes(tensors.get(name)!);
    const type = name.slice(0, -weightedSuffix.length) as WrittenType;
    const target = new Uint8Array(expected.length);
    quantisers[type](values, target, importance);
    expect(Buffer.compare(Buffer.from(target), expected), name).toBe(0);
  }
});

it('keeps the values of what was stored as floats of four bits, whatever scale they had', () => {
  const sizes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const values = Float32Array.from({ length: 32 * 24 }, (_, i) => {
    const block = Math.floor(i / 32);
    // Blocks of which the largest sizes are missing, as where channels went.
    const size = sizes[(i * 7) % (1 + (block % sizes.length))]!;
    return (i % 3 === 0 ? -size : size) * 2 ** (block - 12);
  });
  const target = new Uint8Array((values.length / 32) * 17);
  quantisers.mxfp4(values, target);
  // Zeros lose their signs.
  expect([...dequantiseBlocks('mxfp4', target)].map((x) => x + 0)).toEqual([...values].map((x) => x + 0));
});
