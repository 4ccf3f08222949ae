import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OutputFile } from './output.js';

/** A file in memory that takes at most `most` bytes at a time. */
class Memory {
  readonly bytes = new Uint8Array(64);
  readonly #most: number;

  constructor(most = 64) {
    this.#most = most;
  }

  async write(from: Uint8Array, offset: number, length: number, position: number) {
    await setImmediate();
    const bytesWritten = Math.min(length, this.#most);
    this.bytes.set(from.subarray(offset, offset + bytesWritten), position);
    return { bytesWritten };
  }

  async datasync(): Promise<void> {}
}

const asFile = (memory: object) => memory as FileHandle;

it('writes all of what it is given where it belongs', async () => {
  const memory = new Memory(3);
  const output = new OutputFile(asFile(memory));
  const parts = [40, 0, 20].map((position) => ({ position, bytes: new Uint8Array(10).fill(position + 1) }));
  for (const { bytes, position } of parts) await output.write(bytes, position);
  await output.settle();
  for (const { bytes, position } of parts) {
    expect(memory.bytes.subarray(position, position + 10)).toEqual(bytes);
  }
});

it('flushes on the way, one flush at a time, whoever writes', async () => {
  const memory = new Memory();
  const flushes: (() => void)[] = [];
  const datasync = () => new Promise<void>((resolve) => flushes.push(resolve));
  const output = new OutputFile(asFile(Object.assign(memory, { datasync })), 10);
  const write = (position: number) => output.write(new Uint8Array(6), position);
  await write(0);
  expect(flushes).toHaveLength(0);
  for (const position of [6, 12, 18]) await write(position);
  output.wrote(6);
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
