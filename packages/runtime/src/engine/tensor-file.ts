import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

/** Bytes hashed and handed to the system at a time. */
const blockBytes = 4 * 1024 * 1024;

/** SHA-256 of the numbers, at the end of the file. */
const digestBytes = 32;

/**
 * Writes arrays of floats one after the other, little-endian, and their digest. Synchronous, for worker threads: nothing else may run
 * there meanwhile. Not flushed to the disk: the digest tells a reader if a crash of the system lost any of it.
 */
export function writeFloats(file: string, arrays: readonly Float32Array[]): void {
  const target = openSync(file, 'w');
  try {
    writeFloatsTo(target, arrays);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(target);
  }
}

/** The same into an open file. */
export function writeFloatsTo(target: number, arrays: readonly Float32Array[]): void {
  const hash = createHash('sha256');
  for (const block of arrays.flatMap(blocksOf)) {
    hash.update(block);
    writeAll(target, block);
  }
  writeAll(target, hash.digest());
}

/** Reads arrays of such lengths that `writeFloats` wrote. Throws if the file holds anything else. */
export function readFloats(file: string, counts: readonly number[]): Float32Array[] {
  const source = openSync(file, 'r');
  try {
    const count = counts.reduce((sum, n) => sum + n, 0);
    const expected = count * Float32Array.BYTES_PER_ELEMENT + digestBytes;
    const { size } = fstatSync(source);
    if (size !== expected) throw new Error(`The file has ${size} bytes and not ${expected}.`);
    const arrays = counts.map((n) => new Float32Array(n));
    const hash = createHash('sha256');
    for (const block of arrays.flatMap(blocksOf)) {
      readAll(source, block);
      hash.update(block);
    }
    const digest = Buffer.alloc(digestBytes);
    readAll(source, digest);
    if (!hash.digest().equals(digest)) throw new Error('The numbers in the file do not have its digest.');
    return arrays;
  } finally {
    closeSync(source);
  }
}

/** The bytes of an array, some at a time. */
function blocksOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(byteLength / blockBytes) }, (_, i) => {
    const begin = i * blockBytes;
    return new Uint8Array(buffer, byteOffset + begin, Math.min(blockBytes, byteLength - begin));
  });
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function readAll(file: number, into: Uint8Array): void {
  for (let done = 0; done < into.length; ) {
    const read = readSync(file, into, done, into.length - done, null);
    if (read === 0) throw new Error('The file ends early.');
    done += read;
  }
}
