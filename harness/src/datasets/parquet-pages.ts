import type { ColumnMetaData, DataReader, FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { weights } from './limits.js';

/**
 * Bytes of memory that decoding some columns would take, according to the headers of their pages: a page of a few
 * bytes may repeat a value a billion times. Stops counting beyond `limit`. Throws the errors of the decoder.
 */
export function decodedWeight(
  file: ArrayBuffer,
  { row_groups }: FileMetaData,
  wanted: readonly string[],
  limit: number,
): number {
  let weight = 0;
  for (const { columns, num_rows } of row_groups) {
    weight += count(num_rows) * weights.row;
    for (const { meta_data } of columns) {
      if (!meta_data || !wanted.includes(meta_data.path_in_schema[0] ?? '')) continue;
      for (const page of pagesOf(file, meta_data)) {
        weight += count(page.values) * weights.item + count(page.bytes);
        if (weight > limit) return weight;
      }
    }
  }
  return weight;
}

/** The count, or Infinity if the number is not a valid count. */
function count(value: unknown): number {
  const number = Number(value);
  return number >= 0 ? number : Number.POSITIVE_INFINITY;
}

/** The pages of a column chunk: the number of values in each, and its size in bytes when decompressed. */
function* pagesOf(
  file: ArrayBuffer,
  { dictionary_page_offset, data_page_offset, total_compressed_size }: ColumnMetaData,
): Generator<{ readonly values: unknown; readonly bytes: unknown }> {
  const begin = Number(dictionary_page_offset ?? data_page_offset);
  const length = Number(total_compressed_size);
  const reader: DataReader = { view: new DataView(file, begin, length), offset: 0 };
  while (reader.offset < length - 1) {
    const header = parquetHeader(reader);
    const page = header.data_page_header ?? header.data_page_header_v2 ?? header.dictionary_page_header;
    if (!page || !(header.compressed_page_size >= 0)) throw new RangeError('a page has no size');
    yield { values: page.num_values, bytes: header.uncompressed_page_size };
    reader.offset += header.compressed_page_size;
  }
}
