import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { BlockWriter, openDirect } from './block-writer.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moepress-blocks-'));
  return () => rm(folder, { recursive: true, force: true });
});

/** Lengths of blocks that follow each other: of whole pages, of a few bytes, and anything between. */
const blocks = fc.array(
  fc.oneof(fc.constantFrom(4096, 8192), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 20_000 })),
  { minLength: 1, maxLength: 6 },
);

it.each(['as the folder allows', 'through the cache'])(
  'writes blocks of any length anywhere, %s',
  async (way) => {
    const path = join(folder, 'blocks');
    await fc.assert(
      fc.asyncProperty(blocks, fc.nat(9000), fc.boolean(), async (lengths, start, isBackwards) => {
        const file = await open(path, 'w+');
        const direct = way === 'through the cache' ? null : await openDirect(file);
        try {
          const writer = new BlockWriter({ descriptor: file.fd, direct: direct?.fd ?? null }, 20_000);
          const expected = Buffer.alloc(start + lengths.reduce((sum, length) => sum + length, 0));
          const places: { at: number; length: number }[] = [];
          for (const length of lengths) {
            const last = places.at(-1);
            places.push({ at: last ? last.at + last.length : start, length });
          }
          for (const [i, { at, length }] of (isBackwards ? places.reverse() : places).entries()) {
            const block = writer.block(at, length);
            for (let j = 0; j < length; j++) block[j] = expected[at + j] = (31 * i + 7 * j) % 251;
            writer.write(block, at);
          }
          expect((await readFile(path)).equals(expected)).toBe(true);
        } finally {
          await direct?.close();
          await file.close();
        }
      }),
      { numRuns: 40 },
    );
  },
);
