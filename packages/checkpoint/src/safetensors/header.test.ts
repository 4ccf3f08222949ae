import { dtypeBits, MoepressError } from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkHeaderLength, parseHeader } from './header.js';

const encode = (header: unknown) =>
  new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
const parse = (header: unknown, dataBytes: number) => parseHeader(encode(header), dataBytes, 'a.safetensors');
const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('a header', () => {
  it('gives types, shapes and positions', () => {
    const { entries, metadata } = parse(
      { __metadata__: { format: 'pt' }, b: f32(8, 24, [2, 2]), a: f32(0, 8) },
      24,
    );
    expect(metadata).toEqual({ format: 'pt' });
    expect([...entries.keys()]).toEqual(['b', 'a']);
    expect(entries.get('b')).toEqual({ dtype: 'F32', shape: [2, 2], begin: 8, length: 16 });
  });

  it('may hold scalars and empty tensors', () => {
    const { entries } = parse({ scalar: f32(0, 4, []), empty: f32(4, 4, [0, 7]) }, 4);
    expect(entries.size).toBe(2);
  });

  it.each([
    ['F8_E8M0', [3], 3],
    ['F8_E4M3FNUZ', [3], 3],
    ['F8_E5M2FNUZ', [2, 2], 4],
    ['F6_E3M2', [4], 3],
    ['F6_E2M3', [2, 4], 6],
    ['F4', [3, 2], 3],
    ['C64', [2], 16],
  ])('may hold %s %j', (dtype, shape, length) => {
    const { entries } = parse({ a: { dtype, shape, data_offsets: [0, length] } }, length);
    expect(entries.get('a')).toEqual({ dtype, shape, begin: 0, length });
  });

  it.each([
    ['an odd number of half bytes', { a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2, 'span'],
    [
      'a shape that nests without end',
      `{"a":{"dtype":"F32","shape":${'['.repeat(1e5)}${']'.repeat(1e5)}}}`,
      4,
      'nest',
    ],
    ['a dtype of a million characters', { a: { ...f32(0, 4), dtype: 'x'.repeat(1e6) } }, 4, 'characters'],
    [
      'a name twice',
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      'twice',
    ],
    ['a word of Python', '{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4, 'JSON'],
    ['a name of a million characters', { ['x'.repeat(1e6)]: f32(0, 4) }, 4, 'characters'],
    ['an unknown dtype', { a: { ...f32(0, 4), dtype: 'F31' } }, 4, 'F31'],
    ['a dtype from the prototype', { a: { ...f32(0, 4), dtype: 'toString' } }, 4, 'toString'],
    ['a negative size', { a: f32(0, 4, [-1]) }, 4, 'Shape'],
    ['a size that is no integer', { a: f32(0, 4, [0.5]) }, 4, 'Shape'],
    ['a shape that overflows', { a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4, 'span'],
    ['offsets beyond the data', { a: f32(0, 8) }, 4, 'outside'],
    ['offsets in reverse', { a: f32(4, 0, []) }, 4, 'outside'],
    ['three offsets', { a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 8, 'pair'],
    ['a length that is not that of the shape', { a: f32(0, 8, [1]) }, 8, 'span'],
    ['an overlap', { a: f32(0, 8), b: f32(4, 12) }, 12, 'overlaps'],
    ['the same bytes twice', { a: f32(0, 8), b: f32(0, 8) }, 8, 'overlaps'],
    ['a gap', { a: f32(0, 4), b: f32(8, 12) }, 12, 'gap'],
    ['data nobody owns', { a: f32(0, 4) }, 12, 'hold'],
    ['a tensor that is no object', { a: 3 }, 0, 'object'],
    ['metadata that is no strings', { __metadata__: { a: 1 } }, 0, '__metadata__'],
    ['an array', [], 0, 'object'],
  ])('is refused with %s', (_, header, dataBytes, problem) => {
    expect(() => parse(header, dataBytes)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID', message: expect.stringContaining(problem) }),
    );
  });

  it('is refused if it is not UTF-8 or not JSON, or nested beyond reason', () => {
    for (const bytes of [
      Uint8Array.of(0x22, 0xff, 0x22),
      encode({}).subarray(1),
      Buffer.from('['.repeat(1e5)),
    ]) {
      expect(() => parseHeader(bytes, 0, 'a')).toThrow(
        expect.objectContaining({ code: 'CHECKPOINT_INVALID' }),
      );
    }
  });

  it('names the file and the tensor', () => {
    expect(() => parse({ 'model.norm.weight': f32(0, 8) }, 4)).toThrow(
      expect.objectContaining({ where: 'a.safetensors: model.norm.weight' }),
    );
  });

  it('may not be longer than the reference allows, nor than its file', () => {
    expect(checkHeaderLength(2n, 10, 'a')).toBe(2);
    for (const length of [100_000_001n, 2n ** 64n - 1n, 3n]) {
      expect(() => checkHeaderLength(length, 10, 'a')).toThrow(MoepressError);
    }
  });
});

describe('whatever the bytes', () => {
  const throwsOnlyOurs = (bytes: Uint8Array, dataBytes: number) => {
    try {
      parseHeader(bytes, dataBytes, 'a');
    } catch (error) {
      expect(MoepressError.isInstance(error)).toBe(true);
    }
  };
  const size = fc.oneof(fc.nat(40), fc.maxSafeInteger(), fc.double());
  const tensor = fc.record(
    {
      dtype: fc.oneof(fc.constantFrom(...Object.keys(dtypeBits)), fc.string()),
      shape: fc.oneof(fc.array(size, { maxLength: 4 }), fc.jsonValue()),
      data_offsets: fc.oneof(fc.array(size, { minLength: 1, maxLength: 3 }), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );

  it('only a MoepressError is thrown', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(100), throwsOnlyOurs), { numRuns: 500 });
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(tensor, fc.jsonValue()), { noNullPrototype: false }),
        fc.nat(100),
        (header, dataBytes) => throwsOnlyOurs(encode(header), dataBytes),
      ),
      { numRuns: 1000 },
    );
  });

  it('what is accepted lies within the data, disjoint and complete', () => {
    const begin = fc.nat(12);
    const plausible = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.tuple(begin, fc.nat(8)).map(([at, n]) => ({ dtype: 'U8', shape: [n], data_offsets: [at, at + n] })),
    );
    fc.assert(
      fc.property(plausible, fc.nat(20), (header, dataBytes) => {
        let owners: Uint8Array;
        try {
          const { entries } = parse(header, dataBytes);
          owners = new Uint8Array(dataBytes);
          for (const { begin, length } of entries.values()) {
            for (let i = begin; i < begin + length; i++) owners[i]!++;
          }
        } catch {
          return;
        }
        expect(owners.every((n) => n === 1)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
