import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fixture } from '../support.test.util.js';
import { parseGgufHeader } from './gguf-header.js';
import { readGguf } from './read-gguf.js';

/** Written by the Python package gguf: a value of each type, and a tensor each of f32, f16 and q8_0. */
const sound = readFileSync(fixture('gguf/metadata.gguf'));
const folder = mkdtempSync(join(tmpdir(), 'moepress-gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const parse = (bytes: Buffer, size = bytes.length) => parseGgufHeader(bytes, size, 'a.gguf');

describe('a header', () => {
  it('gives metadata of every type, and where tensors lie', async () => {
    const { metadata, tensors, version, alignment, dataStart } = await readGguf(
      fixture('gguf/metadata.gguf'),
    );
    expect(Object.fromEntries([...metadata].map(([key, { value }]) => [key, value]))).toEqual({
      'general.architecture': 'qwen3moe',
      'a.u32': 7,
      'a.i8': -3,
      'a.u64': 2n ** 60n,
      'a.f32': 0.5,
      'a.bool': true,
      'a.s': 'héllo',
      'a.list': ['x', 'yy', ''],
      'a.nums': [1, 2, 3],
      'a.nested': [[1, 2], [3]],
      'a.f64': 0.1,
      'a.i64': -(2 ** 40),
    });
    expect({ version, alignment, dataStart }).toEqual({ version: 3, alignment: 32, dataStart: 576 });
    expect(
      [...tensors.values()].map(({ name, type, shape, offset, length }) => [
        name,
        type.name,
        shape,
        offset,
        length,
      ]),
    ).toEqual([
      ['f', 'f32', [3, 5], 576, 60],
      ['h', 'f16', [2, 3, 4], 640, 48],
      ['q', 'q8_0', [2, 64], 704, 136],
    ]);
    const { begin, end } = metadata.get('a.u32')!;
    expect(sound.subarray(begin, end).readUInt32LE(end - begin - 4)).toBe(7);
  });

  it('may be longer than what is read at first', async () => {
    const text = Buffer.alloc(3 * 2 ** 20, 'x');
    const file = join(folder, 'long.gguf');
    writeFileSync(file, withText(text));
    const { metadata } = await readGguf(file);
    expect(metadata.get('a.s')!.value).toBe(text.toString());
  });
});

/** The sound file with another text under `a.s`; what follows keeps its alignment. */
function withText(text: Buffer): Buffer {
  const at = sound.indexOf('héllo') - 8;
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const head = Buffer.concat([sound.subarray(0, at), size, text, sound.subarray(at + 14, 576)]);
  const end = head.length - trailingZeros(head);
  return Buffer.concat([
    head.subarray(0, end),
    Buffer.alloc(64 + ((32 - (end % 32)) % 32)),
    sound.subarray(576),
  ]);
}

const trailingZeros = (bytes: Buffer) => bytes.toReversed().findIndex((byte) => byte !== 0);

const u64 = (at: number, value: bigint) => (bytes: Buffer) => bytes.writeBigUInt64LE(value, at);
const u32 = (at: number, value: number) => (bytes: Buffer) => bytes.writeUInt32LE(value, at);
/** Where what follows a name begins. */
const after = (name: string, from = 0) => sound.indexOf(name, from) + Buffer.byteLength(name);
const list = after('a.list');
/** The description of a tensor: axes, sizes, type, offset. */
const [f, q] = ['f', 'q'].map((name) => after(`\u0001\0\0\0\0\0\0\0${name}`, 421)) as [number, number];

describe('a file that lies', () => {
  it.each<[what: string, change: (bytes: Buffer) => unknown, message: string]>([
    ['magic', u32(0, 0x46554746), 'does not begin with "GGUF"'],
    ['version 1', u32(4, 1), 'versions 2 and 3 are read'],
    ['the other order of bytes', u32(4, 0x0300_0000), 'big-endian'],
    ['2^60 tensors', u64(8, 2n ** 60n), 'The number of tensors is said to be 1152921504606846976'],
    ['more tensors than fit', u64(8, 200n), 'hold 35 at most'],
    ['2^60 keys', u64(16, 2n ** 60n), 'The number of values of metadata'],
    ['a key of 2^40 bytes', u64(24, 2n ** 40n), 'The length of key 0 of the metadata'],
    ['a value of no type', u32(after('a.u32'), 99), 'The type of "a.u32" is 99'],
    [
      'a text of 2^40 bytes',
      u64(after('a.s') + 4, 2n ** 40n),
      'The length of "a.s" is said to be 1099511627776',
    ],
    ['a list of 2^62', u64(list + 8, 2n ** 62n), 'The length of "a.list"'],
    ['a list of nothing known', u32(list + 4, 77), 'The type of "a.list" is 77'],
    ['a key twice', (bytes) => bytes.write('a.u32', sound.indexOf('a.f32')), 'have "a.u32" twice'],
    ['neither true nor false', (bytes) => bytes.writeUInt8(2, after('a.bool') + 4), '"a.bool" is 2'],
    ['five axes', u32(f, 5), 'has 5 axes'],
    ['a size of 2^63', u64(f + 4, 2n ** 63n), 'A size of "f" is said to be 9223372036854775808'],
    ['sizes beyond numbers', u64(f + 4, 2n ** 52n), 'which is not a size'],
    ['a size of nothing', u64(f + 4, 0n), 'which is not a size'],
    ['more than the file has', u64(f + 12, 2n ** 40n), 'but the file has 864 bytes'],
    ['a type that is gone', u32(f + 20, 4), 'Tensor "f" is of type 4'],
    ['rows that are no blocks', u32(f + 20, 12), 'blocks of 256 (q4_k)'],
    ['an odd place', u64(f + 24, 33n), 'not a multiple of 32'],
    ['a place outside', u64(q + 24, 2n ** 40n), 'but the file has 864 bytes'],
    ['a place beyond numbers', u64(q + 24, 2n ** 60n), 'which nothing can be'],
    ['a place of another tensor', u64(q + 24, 64n), 'overlap those of another one'],
    ['one name twice', (bytes) => bytes.write('q', f - 1), 'Two tensors are called "q"'],
  ])('is refused for %s', (_, change, message) => {
    const bytes = Buffer.from(sound);
    change(bytes);
    expect(() => parse(bytes)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID', where: 'a.gguf' }),
    );
    expect(() => parse(bytes)).toThrow(message);
  });

  it('is refused wherever it is cut off', () => {
    for (let size = 0; size < 840; size += 13)
      expect(() => parse(sound.subarray(0, size)), `${size}`).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
      );
  });

  it('may not hold lists in lists for ever, nor alignments of nothing', () => {
    // Each list holds one list.
    const nest = Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    const key = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x61, 9, 0, 0, 0]);
    const counts = Buffer.alloc(16);
    counts.writeBigUInt64LE(1n, 8);
    const bytes = Buffer.concat([sound.subarray(0, 8), counts, key, ...Array<Buffer>(9999).fill(nest)]);
    expect(() => parse(bytes)).toThrow('deeper than 3');
    const name = Buffer.from('\x11\0\0\0\0\0\0\0general.alignment\x04\0\0\0\x07\0\0\0', 'latin1');
    expect(() => parse(Buffer.concat([sound.subarray(0, 8), counts, name]))).toThrow(
      'is 7, not a power of two',
    );
  });

  it('is refused if it is no file at all', async () => {
    await expect(readGguf(folder)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    await expect(readGguf(join(folder, 'none.gguf'))).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
  });
});
