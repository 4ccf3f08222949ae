import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rows, type TensorExpr } from '@moepress/core';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { toFloat32 } from '../tensor/float.js';
import { bytesOf, decodeFloat32 } from '../tensor/read-tensor.js';
import { meaning, type Sources, views, writeSources } from '../tensor/views.test.util.js';
import { arrayEntry, exprEntry, layOut, stackEntry, type TensorEntry } from './file-layout.js';
import { readSafetensors } from './read.js';
import { writeInto } from './write.js';

let folder: string;
let sources: Sources;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'moepress-views-'));
  sources = await writeSources(folder);
  return () => rm(folder, { recursive: true, force: true });
});

/** How a view is put into a file. */
type Form = 'alone' | 'stacked' | 'in memory';

const view = fc
  .boolean()
  .chain((floats) => (floats ? views(sources.floats, true) : views(sources.integers, false)));
const tensors = (length: fc.ArrayConstraints) =>
  fc.array(fc.tuple(view, fc.constantFrom<Form[]>('alone', 'alone', 'stacked', 'in memory')), {
    ...length,
  });

function written(name: string, expr: TensorExpr, form: Form): { entry: TensorEntry; expected: Buffer } {
  const bytes = meaning(expr, sources.data);
  if (form === 'alone') return { entry: exprEntry(name, expr), expected: bytes };
  if (form === 'in memory')
    return { entry: arrayEntry(name, expr.dtype, expr.shape, bytes), expected: bytes };
  const turned = rows(expr, [...Array(expr.shape[0]).keys()].reverse());
  return {
    entry: stackEntry(name, [expr, turned]),
    expected: Buffer.concat([bytes, meaning(turned, sources.data)]),
  };
}

it.each([
  { by: 'one thread', shareBytes: Number.POSITIVE_INFINITY, numRuns: 40, length: { maxLength: 8 } },
  { by: 'several threads', shareBytes: 300, numRuns: 5, length: { minLength: 20, maxLength: 30 } },
])(
  'are written by $by and read as defined, whatever their kind, their types, their neighbours and the block size',
  async ({ shareBytes, numRuns, length }) => {
    const path = join(folder, 'written.safetensors');
    await fc.assert(
      fc.asyncProperty(tensors(length), fc.integer({ min: 1, max: 400 }), async (chosen, blockBytes) => {
        const all = chosen.map(([expr, form], i) => written(`t${i}`, expr, form));
        const layout = layOut(all.map(({ entry }) => entry));
        let counted = 0;
        const file = await open(path, 'w');
        try {
          await writeInto(file, layout, { count: (bytes) => (counted += bytes), blockBytes, shareBytes });
        } finally {
          await file.close();
        }
        expect(counted).toBe(layout.totalBytes);
        const found = await readFile(path);
        expect(found.length).toBe(layout.totalBytes);
        const { tensors } = await readSafetensors(path);
        for (const [i, { expected }] of all.entries()) {
          const { offset, length } = tensors.get(`t${i}`)!;
          expect(found.subarray(offset, offset + length).equals(expected)).toBe(true);
        }
      }),
      { numRuns },
    );
  },
);

it('come in blocks that stay as they are', async () => {
  await fc.assert(
    fc.asyncProperty(view, fc.integer({ min: 1, max: 400 }), async (expr, blockBytes) => {
      const blocks: Uint8Array[] = [];
      for await (const block of bytesOf(expr, blockBytes)) blocks.push(block);
      expect(Buffer.concat(blocks).equals(meaning(expr, sources.data))).toBe(true);
      if (expr.dtype !== 'BF16' && expr.dtype !== 'F16' && expr.dtype !== 'F32') return;
      const values = toFloat32(new Uint8Array(meaning(expr, sources.data)), expr.dtype);
      expect(await decodeFloat32(expr)).toEqual(values);
    }),
    { numRuns: 150 },
  );
});
