import { existsSync } from 'node:fs';
import { open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import {
  byteLength,
  type DType,
  dtypeBits,
  MoepressError,
  type ProgressEvent,
  type StoredTensor,
} from '@moepress/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asWriteError } from '../files/file-errors.js';
import { checkSpace } from '../files/folders.js';
import { failure, fixture, temporaryFolder } from '../support.test.util.js';
import { bytesOf } from '../tensor/read-tensor.js';
import { arrayEntry, exprEntry, layOut, stackEntry, type TensorEntry } from './file-layout.js';
import { readSafetensors } from './read.js';
import { writeInto, writeLayout, writeSafetensors } from './write.js';

async function bytes(tensor: Parameters<typeof bytesOf>[0]): Promise<Buffer> {
  const blocks: Uint8Array[] = [];
  for await (const block of bytesOf(tensor)) blocks.push(block);
  return Buffer.concat(blocks);
}

const tensor = fc
  .tuple(
    fc.constantFrom(...(Object.keys(dtypeBits) as DType[])),
    fc.array(fc.nat(5), { maxLength: 4 }),
    fc.integer(),
  )
  // Elements of fewer bits than a byte must fill whole ones.
  .filter(([dtype, shape]) => Number.isInteger(byteLength(dtype, shape)))
  .map(([dtype, shape, seed]) => {
    const values = Uint8Array.from({ length: byteLength(dtype, shape) }, (_, i) => seed + i * 31);
    return { dtype, shape, values };
  });

describe('writeSafetensors', () => {
  it('writes what is read back, whatever the names, types and shapes', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const name = fc.string({ unit: 'grapheme' }).filter((s) => s !== '__metadata__');
    const files = fc.dictionary(name, tensor, { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(files, fc.dictionary(fc.string(), fc.string()), async (given, metadata) => {
        const entries = Object.entries(given).map(([key, { dtype, shape, values }]) =>
          arrayEntry(key, dtype, shape, values),
        );
        await writeSafetensors(path, entries, { metadata });
        const file = await readSafetensors(path);
        expect(file.metadata).toEqual({ ...metadata });
        expect(file.dataStart % 8).toBe(0);
        expect(file.tensors.size).toBe(entries.length);
        for (const [key, { dtype, shape, values }] of Object.entries(given)) {
          const found = file.tensors.get(key)!;
          expect(found).toMatchObject({ dtype, shape });
          expect(found.offset % Math.max(1, dtypeBits[dtype] / 8)).toBe(0);
          expect((await bytes(found)).equals(Buffer.from(values))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('copies a checkpoint byte for byte', async () => {
    const path = join(await temporaryFolder(), 'copy.safetensors');
    const original = await readSafetensors(fixture('olmoe/model.safetensors'));
    const inOrder = [...original.tensors.values()].sort((a, b) => a.offset - b.offset);
    await writeSafetensors(
      path,
      inOrder.map((stored) => exprEntry(stored.name, stored)),
    );
    expect((await readFile(path)).equals(await readFile(original.path))).toBe(true);
  });

  it('stacks tensors along a new first axis, in the shape they are given', async () => {
    const { tensors } = await readSafetensors(fixture('olmoe/model.safetensors'));
    const path = join(await temporaryFolder(), 'stack.safetensors');
    const parts = [1, 0].map((e) => tensors.get(`model.layers.0.mlp.experts.${e}.up_proj.weight`)!);
    const [height, width] = parts[0]!.shape as [number, number];
    await writeSafetensors(path, [stackEntry('plain', parts), stackEntry('shaped', parts, [height * width])]);
    const written = (await readSafetensors(path)).tensors;
    expect(written.get('plain')!.shape).toEqual([2, height, width]);
    expect(written.get('shaped')!.shape).toEqual([2, height * width]);
    const expected = Buffer.concat(await Promise.all(parts.map(bytes)));
    for (const name of ['plain', 'shaped'])
      expect((await bytes(written.get(name)!)).equals(expected)).toBe(true);
  });

  it('writes a block before it asks for the next, which may come in the same memory', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const own = new Uint8Array(4);
    const entry = (name: string): TensorEntry => ({
      name,
      dtype: 'U8',
      shape: [40],
      async *bytes() {
        for (let i = 0; i < 10; i++) yield own.fill(i);
      },
    });
    await writeSafetensors(path, [entry('a'), entry('b')]);
    const { tensors } = await readSafetensors(path);
    const expected = Buffer.from(Array.from({ length: 40 }, (_, i) => i >> 2));
    for (const name of ['a', 'b']) expect(await bytes(tensors.get(name)!)).toEqual(expected);
  });

  it('lets one tensor at a time bring its own bytes', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    let open = 0;
    const entry = (name: string): TensorEntry => ({
      name,
      dtype: 'U8',
      shape: [8],
      async *bytes() {
        expect(open++).toBe(0);
        await setImmediate();
        yield new Uint8Array(8);
        open--;
      },
    });
    await writeSafetensors(path, ['a', 'b', 'c', 'd'].map(entry));
    expect([...(await readSafetensors(path)).tensors.keys()]).toEqual(['a', 'b', 'c', 'd']);
  });

  it('reports every byte', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    const events: ProgressEvent[] = [];
    await writeSafetensors(path, [arrayEntry('a', 'U8', [3], Uint8Array.of(1, 2, 3))], {
      progress: (event) => events.push(event),
    });
    const { size } = await stat(path);
    const task = 'Writing';
    expect(events[0]).toEqual({ type: 'start', task, total: size, unit: 'bytes' });
    expect(events.slice(-2)).toEqual([
      { type: 'advance', task, done: size },
      { type: 'end', task },
    ]);
  });
});

/** A file of several blocks. */
async function bigSource(folder: string): Promise<StoredTensor> {
  const file = join(folder, 'source');
  const length = 6 * 2 ** 20;
  await writeFile(file, new Uint8Array(length).fill(7));
  return { kind: 'stored', name: 'source', file, offset: 0, length, dtype: 'U8', shape: [length] };
}

describe('a file that cannot be written', () => {
  const big = arrayEntry('big', 'U8', [100_000], new Uint8Array(100_000));

  it('leaves nothing behind when stopped in the middle', async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const error = await failure(
      writeSafetensors(join(folder, 'a.safetensors'), [big, { ...big, name: 'more' }], {
        signal: stop.signal,
        progress: (event) => event.type === 'advance' && event.done > 90_000 && stop.abort(),
      }),
    );
    expect(error.code).toBe('ABORTED');
    expect(await readdir(folder)).toEqual([]);
  });

  describe.each([
    { by: 'one thread', shareBytes: Number.POSITIVE_INFINITY },
    { by: 'several threads', shareBytes: 2 ** 20 },
  ])('by $by', ({ shareBytes }) => {
    /** Writes the tensors as `a.safetensors`; `onBytes` hears how many bytes have been written. */
    function write(
      folder: string,
      tensors: readonly StoredTensor[],
      signal?: AbortSignal,
      onBytes = (_: number) => {},
    ) {
      let done = 0;
      const count = (bytes: number) => {
        done += bytes;
        onBytes(done);
      };
      const layout = layOut(tensors.map((tensor) => exprEntry(tensor.name, tensor)));
      return writeLayout(join(folder, 'a.safetensors'), layout, { signal, count, shareBytes });
    }

    it('leaves nothing behind when stopped while it copies, however much is under way', async () => {
      const folder = await temporaryFolder();
      const source = await bigSource(folder);
      for (const limit of [1, 2 ** 20, 4 * 2 ** 20]) {
        const stop = new AbortController();
        const writing = write(folder, [source], stop.signal, (done) => done >= limit && stop.abort());
        expect((await failure(writing)).code).toBe('ABORTED');
        expect(await readdir(folder)).toEqual(['source']);
      }
    });

    it('leaves nothing behind when a file that it reads ends early, and names the tensor', async () => {
      const folder = await temporaryFolder();
      const source = await bigSource(folder);
      const halves = [0, 1].map((half): StoredTensor => {
        const length = source.length / 2;
        return { ...source, name: `half ${half}`, offset: half * length, length, shape: [length] };
      });
      await truncate(source.file, source.length - 100);
      expect(await failure(write(folder, halves))).toMatchObject({
        code: 'CHECKPOINT_INVALID',
        message: 'The file ends 100 bytes early.',
        where: `${source.file}: half 1`,
      });
      expect(await readdir(folder)).toEqual(['source']);
    });

    it('leaves nothing behind when a file that it reads is gone', async () => {
      const folder = await temporaryFolder();
      const source = await bigSource(folder);
      await rm(source.file);
      expect(await failure(write(folder, [source]))).toMatchObject({
        code: 'CHECKPOINT_NOT_FOUND',
        where: source.file,
      });
      expect(await readdir(folder)).toEqual([]);
    });

    it('passes on what its progress throws', async () => {
      const folder = await temporaryFolder();
      const source = await bigSource(folder);
      const problem = new MoepressError('INPUT_INVALID', { message: 'Enough.' });
      const writing = write(folder, [source], undefined, (done) => {
        if (done > 2 ** 20) throw problem;
      });
      expect(await failure(writing)).toBe(problem);
      expect(await readdir(folder)).toEqual(['source']);
    });

    it.runIf(existsSync('/dev/full'))('says that the disk is full', async () => {
      const source = await bigSource(await temporaryFolder());
      const full = await open('/dev/full', 'w');
      const layout = layOut([exprEntry('t', source)]);
      const error = await writeInto(
        full,
        { ...layout, head: new Uint8Array() },
        { count: () => {}, shareBytes },
      ).catch((cause) => cause);
      await full.close();
      expect(asWriteError(error, 'a.safetensors')).toMatchObject({
        code: 'DISK_FULL',
        where: 'a.safetensors',
      });
    });
  });

  it('is refused if expressions are not as long as their tensor', async () => {
    const folder = await temporaryFolder();
    const source = await bigSource(folder);
    const entry = { ...exprEntry('t', source), shape: [source.length + 1] };
    expect(await failure(writeSafetensors(join(folder, 'a.safetensors'), [entry]))).toMatchObject({
      code: 'WRITE_FAILED',
      where: 't',
    });
    expect(await readdir(folder)).toEqual(['source']);
  });

  it('leaves the file that was there before', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    await writeSafetensors(path, [arrayEntry('old', 'U8', [1], Uint8Array.of(7))]);
    const short = { ...big, shape: [100_001] };
    const long = { ...big, shape: [99_999] };
    for (const wrong of [short, long]) {
      expect((await failure(writeSafetensors(path, [wrong]))).code).toBe('WRITE_FAILED');
    }
    expect([...(await readSafetensors(path)).tensors.keys()]).toEqual(['old']);
  });

  it('says beforehand that there is no room', async () => {
    const folder = await temporaryFolder();
    await checkSpace(folder, 1);
    expect(await failure(checkSpace(folder, 2 ** 60))).toMatchObject({ code: 'DISK_FULL', where: folder });
  });

  it('says that the folder does not exist', async () => {
    expect((await failure(writeSafetensors('/no/such/folder/a', [big]))).code).toBe('WRITE_FAILED');
  });

  it('refuses two tensors of one name', async () => {
    const path = join(await temporaryFolder(), 'a.safetensors');
    expect((await failure(writeSafetensors(path, [big, big]))).where).toBe('big');
  });
});
