import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, it } from 'vitest';
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

it('gives up a file that does not end', async () => {
  await expect(readParquet(endless(), 'f', undefined, 1000)).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: 'The Parquet file cannot be read: it took longer than 1 s.',
    where: 'f',
  });
});

it('stops when told to, even then', async () => {
  const before = readParquet(endless(), 'f', AbortSignal.abort());
  await expect(before).rejects.toMatchObject({ code: 'ABORTED' });
  const meanwhile = readParquet(endless(), 'f', AbortSignal.timeout(300));
  await expect(meanwhile).rejects.toMatchObject({ code: 'ABORTED' });
});

it('survives a file with two faults, of which the library reports one', async () => {
  const bytes = write({ one: ['a'], two: ['b'] });
  bytes.fill(0xff, 4, 8);
  bytes.write('too', bytes.lastIndexOf('two'));
  await expect(readParquet(bytes, 'f')).rejects.toMatchObject({
    code: 'DATASET_INVALID',
    message: expect.stringContaining('too'),
  });
});

it('survives any damage', async () => {
  const sound = write({ one: ['a', 'b'], two: ['c', null] });
  for (let at = 0; at < sound.length; at += 23) {
    const bytes = Buffer.from(sound);
    bytes[at]! ^= 0xa5;
    const rows = await readParquet(bytes, 'f', undefined, 2000).catch((error: unknown) => error);
    if (!Array.isArray(rows)) expect([at, rows]).toMatchObject([at, { code: 'DATASET_INVALID' }]);
  }
});
