import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OutputFile } from './output.js';

/** A file in memory that takes at most `most` bytes at a time, and notes how many write at once. */
class Memory {
  readonly bytes = new Uint8Array(64);
  atOnce = 0;
  readonly #most: number;
  #writing = 0;

  constructor(most = 64) {
    this.#most = most;
  }

  async write(from: Uint8Array, offset: number, length: number, position: number) {
    this.#writing++;
    this.atOnce = Math.max(this.atOnce, this.#writing);
    await setImmediate();
    const bytesWritten = Math.min(length, this.#most);
    this.bytes.set(from.subarray(offset, offset + bytesWritten), position);
    this.#writing--;
    return { bytesWritten };
  }

  async datasync(): Promise<void> {}
}

const asFile = (memory: object) => memory as FileHandle;

it('writes all of what it is given where it belongs, one after the other', async () => {
  const memory = new Memory(3);
  const output = new OutputFile(asFile(memory));
  const parts = [40, 0, 20].map((position) => ({ position, bytes: new Uint8Array(10).fill(position + 1) }));
  await Promise.all(parts.map(({ bytes, position }) => output.write(bytes, position)));
  await output.settle();
  expect(memory.atOnce).toBe(1);
  for (const { bytes, position } of parts) {
    expect(memory.bytes.subarray(position, position + 10)).toEqual(bytes);
  }
});

it('tells each writer of its own failure', async () => {
  const memory = new Memory();
  const full = new Error('full');
  const write = memory.write.bind(memory);
  memory.write = (from, offset, length, position) => {
    if (position === 10) throw full;
    return write(from, offset, length, position);
  };
  const output = new OutputFile(asFile(memory));
  const ends = await Promise.allSettled([0, 10, 20].map((at) => output.write(Uint8Array.of(7), at)));
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(ends[1]).toMatchObject({ reason: full });
  await output.settle();
});

it('flushes on the way, one flush at a time', async () => {
  const memory = new Memory();
  const flushes: (() => void)[] = [];
  const datasync = () => new Promise<void>((resolve) => flushes.push(resolve));
  const output = new OutputFile(asFile(Object.assign(memory, { datasync })), 10);
  const write = (position: number) => output.write(new Uint8Array(6), position);
  await write(0);
  expect(flushes).toHaveLength(0);
  for (const position of [6, 12, 18, 24]) await write(position);
  expect(flushes).toHaveLength(1);
  flushes[0]!();
  await setImmediate();
  await write(30);
  expect(flushes).toHaveLength(2);
  let isSettled = false;
  const settled = output.settle().then(() => {
    isSettled = true;
  });
  await setImmediate();
  expect(isSettled).toBe(false);
  flushes[1]!();
  await settled;
});

it('remembers a flush that failed', async () => {
  let count = 0;
  const datasync = async () => {
    if (count++ === 0) throw new Error('The disk is gone.');
  };
  const output = new OutputFile(asFile(Object.assign(new Memory(), { datasync })), 1);
  for (const position of [0, 1, 2]) await output.write(Uint8Array.of(7), position);
  await expect(output.settle()).rejects.toThrow('The disk is gone.');
});
