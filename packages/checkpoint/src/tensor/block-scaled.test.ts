import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DType, fp8, mxfp4, rows, type StoredTensor, transpose } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support.test.util.js';
import { bytesOf, decodeFloat32, hasNonFinite } from './read-tensor.js';

async function stored(dtype: DType, shape: number[], data: ArrayBufferView): Promise<StoredTensor> {
  const file = join(await temporaryFolder(), 'data');
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  await writeFile(file, bytes);
  return { kind: 'stored', name: 't', file, offset: 0, length: bytes.length, dtype, shape };
}

/** A matrix of one row of blocks: the first byte of each given, the rest zero. */
async function fourBits(firstBytes: number[], scales: number[]) {
  const blocks = new Uint8Array(16 * firstBytes.length);
  for (const [block, byte] of firstBytes.entries()) blocks[16 * block] = byte;
  const half = 16 * firstBytes.length;
  return mxfp4(
    await stored('U8', [1, half], blocks),
    await stored('U8', [1, firstBytes.length], Uint8Array.from(scales)),
  );
}

describe('MXFP4', () => {
  it('has sixteen values', async () => {
    const codes = Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? 2 * i + ((2 * i + 1) << 4) : 0));
    const matrix = mxfp4(await stored('U8', [1, 16], codes), await stored('U8', [1, 1], Uint8Array.of(127)));
    const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    expect([...(await decodeFloat32(matrix))].slice(0, 16)).toEqual([
      ...magnitudes,
      ...magnitudes.map((value) => -value),
    ]);
  });

  it('takes the lower half of a byte first, and a scale for each 32 neighbours', async () => {
    // 0x72: 1, then 6; 0xf1: 0.5, then -6.
    const values = await decodeFloat32(await fourBits([0x72, 0xf1], [128, 120]));
    expect([values[0], values[1], values[32], values[33]]).toEqual([2, 12, 2 ** -8, -6 * 2 ** -7]);
    expect(values.filter((value) => value !== 0)).toHaveLength(4);
  });

  it('reaches from the least scale to beyond what is finite', async () => {
    const least = await fourBits([0x02], [0]);
    expect((await decodeFloat32(least))[0]).toBe(2 ** -127);
    expect(await hasNonFinite(least)).toBe(false);
    expect(await hasNonFinite(await fourBits([0x02], [255]))).toBe(true);
  });
});

describe('FP8', () => {
  const scale = (by: number) => stored('F32', [1, 1], Float32Array.of(by));

  it('has the values of E4M3 without infinities', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const matrix = fp8(await stored('F8_E4M3', [16, 16], all), await scale(1), 16);
    const values = await decodeFloat32(matrix);
    const known = { 0: 0, 1: 2 ** -9, 7: 7 * 2 ** -9, 8: 2 ** -6, 56: 1, 60: 1.5, 126: 448 };
    for (const [byte, value] of Object.entries(known)) {
      expect(values[Number(byte)]).toBe(value);
      expect(values[Number(byte) + 128]).toBe(-value);
    }
    expect([...values.keys()].filter((byte) => Number.isNaN(values[byte]))).toEqual([0x7f, 0xff]);
    const positive = [...values.slice(0, 127)];
    expect(positive).toEqual([...positive].sort((a, b) => a - b));
  });

  it('rounds the product to BF16, ties to even', async () => {
    // 1.125 * (1 + 2^-8) lies between two of BF16; 1 + 2^-8 itself is a tie, which goes to 1.
    const matrix = fp8(
      await stored('F8_E4M3', [1, 2], Uint8Array.of(0x38, 0x39)),
      await scale(1 + 2 ** -8),
      2,
    );
    expect([...(await decodeFloat32(matrix))]).toEqual([1, 1.125 + 2 ** -7]);
  });

  it('has a factor for each square, cut off at the edges, whatever the block size', async () => {
    const shape = [5, 7];
    const bytes = Uint8Array.from({ length: 35 }, (_, i) => 0x38 + (i % 3));
    const grid = Float32Array.from({ length: 12 }, (_, i) => 2 ** i);
    const matrix = fp8(await stored('F8_E4M3', shape, bytes), await stored('F32', [3, 4], grid), 2);
    const expected = Float32Array.from({ length: 35 }, (_, i) => {
      const [row, column] = [Math.floor(i / 7), i % 7];
      return (1 + (i % 3) / 8) * grid[Math.floor(row / 2) * 4 + Math.floor(column / 2)]!;
    });
    expect(await decodeFloat32(matrix)).toEqual(expected);
    const pieces: Uint8Array[] = [];
    for await (const piece of bytesOf(matrix, 6)) pieces.push(piece);
    const words = new Uint16Array(new Uint8Array(Buffer.concat(pieces)).buffer);
    expect([...words].map((half) => new Float32Array(Uint32Array.of(half << 16).buffer)[0])).toEqual([
      ...expected,
    ]);
  });

  it('can be selected from and transposed', async () => {
    const matrix = fp8(
      await stored('F8_E4M3', [2, 2], Uint8Array.of(0x38, 0x40, 0x44, 0x48)),
      await scale(1),
      2,
    );
    expect([...(await decodeFloat32(rows(matrix, [1])))]).toEqual([3, 4]);
    expect([...(await decodeFloat32(transpose(matrix)))]).toEqual([1, 3, 2, 4]);
  });
});
