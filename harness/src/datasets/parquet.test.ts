import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { dumps } from '../python/json.js';
import { readParquet } from './parquet.js';

/** A file of text columns. */
function write(columns: Record<string, (string | null)[]>): Buffer {
  const columnData = Object.entries(columns).map(([name, data]) => ({ name, data, type: 'STRING' }) as const);
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

/** A file whose only page says that it holds more values than can ever be read. */
function endless(): Buffer {
  const bytes = write({ n: ['a', 'b', 'a', 'b', 'a', 'b', null, 'c'] });
  bytes[44] = 0xff;
  return bytes;
}

it('reads nulls', async () => {
  expect(await readParquet(write({ n: ['a', null] }), 'f')).toEqual([{ n: 'a' }, { n: null }]);
});

describe('columns', () => {
  const large = 9007199254740993n;
  const columnData = [
    { name: 'id', data: [1n, large], type: 'INT64' },
    { name: 'text', data: ['a', 'b'], type: 'STRING' },
    { name: 'more', data: ['c', 'd'], type: 'STRING' },
  ] as const;
  const bytes = Buffer.from(
    parquetWriteBuffer({ columnData: columnData.map((column) => ({ ...column, data: [...column.data] })) }),
  );

  it('are all read, and large numbers kept as they are', async () => {
    const rows = await readParquet(bytes, 'f');
    expect(rows).toEqual([
      { id: 1, text: 'a', more: 'c' },
      { id: large, text: 'b', more: 'd' },
    ]);
    // As Python's json writes them, on which the hashes of documents depend.
    expect(dumps(rows[1])).toBe('{"id": 9007199254740993, "text": "b", "more": "d"}');
  });

  it('are read alone where they are asked for', async () => {
    expect(await readParquet(bytes, 'f', { columns: ['text'] })).toEqual([{ text: 'a' }, { text: 'b' }]);
  });

  it('are all read where one that is asked for is not there', async () => {
    const [row] = await readParquet(bytes, 'f', { columns: ['body'] });
    expect(Object.keys(row!)).toEqual(['id', 'text', 'more']);
  });

  it('that are not asked for may be damaged', async () => {
    const damaged = Buffer.from(bytes);
    // The page of the first column, behind the file's first four bytes.
    damaged.fill(0xff, 4, 12);
    await expect(readParquet(damaged, 'f')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    expect(await readParquet(damaged, 'f', { columns: ['text'] })).toEqual([{ text: 'a' }, { text: 'b' }]);
  });
});

it('gives up a file that does not end', async () => {
  await expect(readParquet(endless(), 'f', { patience: 1000 })).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: 'The Parquet file cannot be read: it took longer than 1 s.',
    where: 'f',
  });
});

it('stops when told to, even then', async () => {
  const before = readParquet(endless(), 'f', { signal: AbortSignal.abort() });
  await expect(before).rejects.toMatchObject({ code: 'ABORTED' });
  const meanwhile = readParquet(endless(), 'f', { signal: AbortSignal.timeout(300) });
  await expect(meanwhile).rejects.toMatchObject({ code: 'ABORTED' });
});

it('counts what pages decode to', async () => {
  const long = 'x'.repeat(2000);
  const bomb = write({ n: Array<string>(100_000).fill(long) });
  expect(bomb.length).toBeLessThan(10_000);
  const message = expect.stringContaining('unpacked, it is larger than');
  await expect(readParquet(bomb, 'f')).rejects.toMatchObject({ code: 'DATASET_INVALID', message });
  expect(await readParquet(write({ n: Array<string>(1000).fill(long) }), 'f')).toHaveLength(1000);
});

it('survives a file with two faults', async () => {
  const bytes = write({ one: ['a'], two: ['b'] });
  bytes.fill(0xff, 4, 8);
  bytes.write('too', bytes.lastIndexOf('two'));
  await expect(readParquet(bytes, 'f')).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringContaining('cannot be read'),
  });
});

it('survives any damage', async () => {
  const sound = write({ one: ['a', 'b'], two: ['c', null] });
  for (let at = 0; at < sound.length; at += 23) {
    const bytes = Buffer.from(sound);
    bytes[at]! ^= 0xa5;
    const rows = await readParquet(bytes, 'f', { patience: 2000 }).catch((error: unknown) => error);
    if (!Array.isArray(rows)) expect([at, rows]).toMatchObject([at, { code: 'DATASET_INVALID' }]);
  }
});
