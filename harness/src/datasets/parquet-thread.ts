/** The thread in which `readParquet` decodes a file; it sends the rows in portions. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from './dataset.js';
import { weigh } from './limits.js';
import type { ParquetTask } from './parquet.js';
import { decodedWeight } from './parquet-pages.js';

/** Bytes of rows that are sent at once. */
const batchWeight = 4 * 1024 * 1024;

answerConfined(({ bytes, limit, columns }: ParquetTask) => {
  const rows = read(bytes.slice().buffer, limit, columns);
  return {
    /** The next rows; an empty list at the end. */
    async next(): Promise<Row[]> {
      const batch: Row[] = [];
      for (let weight = 0; weight < batchWeight; ) {
        const { done, value } = await rows.next();
        if (done) break;
        batch.push(value.row);
        weight += value.weight;
      }
      return batch;
    },
  };
});

async function* read(file: ArrayBuffer, limit: number, columns: readonly string[] | null) {
  const metadata = parquetMetadata(file);
  const names = parquetSchema(metadata).children.map(({ element }) => element.name);
  const isThere = columns?.every((column) => names.includes(column)) ?? false;
  const wanted = isThere ? [...columns!] : names;
  const tooLarge = () => new RangeError(`unpacked, it is larger than ${limit} bytes`);
  if (decodedWeight(file, metadata, wanted, limit) > limit) throw tooLarge();
  let total = 0;
  for (const group of groupsOf(metadata)) {
    const rows = await parquetReadObjects({ file, metadata, compressors, ...group, columns: wanted });
    for (const given of rows) {
      const row = plainValue(given) as Row;
      const weight = weigh(row);
      total += weight;
      // Repeated values of a dictionary are one object until they are sent.
      if (total > limit) throw tooLarge();
      yield { row, weight };
    }
  }
}

/** Yields the rows of each row group, so that only one group is in memory at a time. */
function groupsOf({ row_groups }: FileMetaData): { rowStart: number; rowEnd: number }[] {
  let rowEnd = 0;
  return row_groups.map(({ num_rows }) => {
    const rowStart = rowEnd;
    rowEnd += Number(num_rows);
    return { rowStart, rowEnd };
  });
}

/** 64-bit integers become numbers, as in the same row written as JSON, where a number can represent them exactly. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}
