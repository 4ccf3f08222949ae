/** The thread in which `readParquet` decodes a file; answers with its rows. */
import { parentPort, workerData } from 'node:worker_threads';
import { type FileMetaData, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from './dataset.js';
import type { ParquetTask } from './parquet.js';

const { bytes, maxBytes }: ParquetTask = workerData;
const file = bytes.slice().buffer;
const metadata = parquetMetadata(file);
if (unpackedSize(metadata) > maxBytes) throw new RangeError(`unpacked, it is larger than ${maxBytes} bytes`);
const rows = await parquetReadObjects({ file, metadata, compressors });
parentPort!.postMessage(rows.map((row) => plainValue(row) as Row));

function unpackedSize({ row_groups }: FileMetaData): number {
  return row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0);
}

/** 64-bit integers become numbers, as in the same row written as JSON. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return safeNumber(value);
  if (Array.isArray(value)) return value.map(plainValue);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainValue(item)]));
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`${value} has no exact JavaScript number`);
}
