import { MoepressError } from '@moepress/core';
import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Row } from './dataset.js';
import { checkSize } from './limits.js';

/** All rows of a Parquet file, columns in the order of its schema. Throws `DATASET_INVALID`. */
export async function readParquet(file: string): Promise<Row[]> {
  try {
    const source = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(source);
    checkSize(unpackedSize(metadata), file);
    const rows = await parquetReadObjects({ file: source, metadata, compressors });
    return rows.map((row) => plainValue(row) as Row);
  } catch (cause) {
    if (MoepressError.isInstance(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MoepressError('DATASET_INVALID', {
      message: `The Parquet file cannot be read: ${reason}.`,
      where: file,
      cause,
    });
  }
}

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
