/** The thread in which `readParquet` decodes a file; answers with its rows. */
import { parentPort, workerData } from 'node:worker_threads';
import { type FileMetaData, parquetMetadata, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from './dataset.js';
import type { ParquetTask } from './parquet.js';

const { bytes, maxBytes, columns }: ParquetTask = workerData;
const file = bytes.slice().buffer;
const metadata = parquetMetadata(file);
const names = parquetSchema(metadata).children.map(({ element }) => element.name);
const isThere = columns?.every((column) => names.includes(column)) ?? false;
const wanted = isThere ? [...columns!] : names;
if (unpackedSize(metadata, wanted) > maxBytes)
  throw new RangeError(`unpacked, it is larger than ${maxBytes} bytes`);
const rows = await parquetReadObjects({ file, metadata, compressors, ...(isThere && { columns: wanted }) });
parentPort!.postMessage(rows.map((row) => plainValue(row) as Row));

/** Of some columns, by what the file says. */
function unpackedSize({ row_groups }: FileMetaData, wanted: readonly string[]): number {
  return row_groups
    .flatMap((group) => group.columns)
    .flatMap(({ meta_data }) => meta_data ?? [])
    .filter(({ path_in_schema }) => wanted.includes(path_in_schema[0] ?? ''))
    .reduce((sum, { total_uncompressed_size }) => sum + Number(total_uncompressed_size), 0);
}

/** 64-bit integers become numbers, as in the same row written as JSON, where numbers can tell them apart. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}
