import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type GgmlBlockType, ggmlBlocks } from '@moepress/core';
import { expect, it } from 'vitest';
import { ggmlTypes } from '../gguf/types.js';
import { fixture } from '../support.test.util.js';
import { dequantiseBlocks } from './ggml-blocks.js';

interface Sample {
  readonly blocks: string;
  readonly first: readonly number[];
  readonly sha256: string;
}

/** Random blocks of every type, and what the Python package gguf makes of them. */
const samples: Readonly<Record<string, Sample>> = JSON.parse(
  readFileSync(fixture('gguf/blocks.json'), 'utf8'),
);

it('knows every type that the Python package can read, in its sizes', () => {
  expect(Object.keys(samples).sort()).toEqual(Object.keys(ggmlBlocks).sort());
  for (const [name, { block, bytes }] of Object.entries(ggmlBlocks))
    expect(ggmlTypes[name as GgmlBlockType]).toMatchObject({ block, bytes });
});

it.each(Object.entries(samples))('reads %s to the last bit', (name, { blocks, first, sha256 }) => {
  const values = dequantiseBlocks(name as GgmlBlockType, Buffer.from(blocks, 'base64'));
  expect([...values.subarray(0, 3)]).toEqual(first);
  // Zeros without their sign, in the same order of bytes as the file.
  const bytes = new Uint8Array(values.map((value) => value + 0).buffer);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
});

it('takes whole blocks only', () => {
  expect(() => dequantiseBlocks('q4_0', new Uint8Array(17))).toThrow(RangeError);
});
