import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

/** Bytes hashed and handed to the system at a time. */
const blockBytes = 4 * 1024 * 1024;

/** SHA-256 of the numbers, at the end of the file. */
const digestBytes = 32;

/**
 * Writes floats, little-endian, and their digest. Synchronous, for worker threads: nothing else may run
 * there meanwhile. Not flushed to the disk: the digest tells a reader if a crash of the system lost any of it.
 */
export function writeFloats(file: string, values: Float32Array): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const hash = createHash('sha256');
  const target = openSync(file, 'w');
  try {
    for (let begin = 0; begin < bytes.length; begin += blockBytes) {
      const block = bytes.subarray(begin, begin + blockBytes);
      hash.update(block);
      writeAll(target, block);
    }
    writeAll(target, hash.digest());
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(target);
  }
}

/** Reads `count` floats that `writeFloats` wrote. Throws if the file holds anything else. */
export function readFloats(file: string, count: number): Float32Array {
  const source = openSync(file, 'r');
  try {
    const expected = count * Float32Array.BYTES_PER_ELEMENT + digestBytes;
    const { size } = fstatSync(source);
    if (size !== expected) throw new Error(`The file has ${size} bytes and not ${expected}.`);
    const values = new Float32Array(count);
    const bytes = new Uint8Array(values.buffer);
    const hash = createHash('sha256');
    for (let begin = 0; begin < bytes.length; begin += blockBytes) {
      const block = bytes.subarray(begin, begin + blockBytes);
      readAll(source, block);
      hash.update(block);
    }
    const digest = Buffer.alloc(digestBytes);
    readAll(source, digest);
    if (!hash.digest().equals(digest)) throw new Error('The numbers in the file do not have its digest.');
    return values;
  } finally {
    closeSync(source);
  }
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
